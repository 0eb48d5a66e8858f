"""The package: what is in it, and what it can do where nothing else of the project is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from jellyfin_ha import __version__
from jellyfin_ha.lab.library import MINIMUM_ITEMS
from jellyfin_ha.operations.migration import read_record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
ROOMS = ("cli", "components", "infra", "lab", "operations")
NOT_OF_THE_TREE = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "dist")
BUILD_SECONDS = 120
INSTALL_SECONDS = 600
RUN_SECONDS = 120

IMPORT_ALL = """
import importlib, json, pkgutil
found = {}
for room in ("cli", "components", "infra", "operations"):
    package = importlib.import_module(f"jellyfin_ha.{room}")
    for module in pkgutil.walk_packages(package.__path__, f"jellyfin_ha.{room}."):
        # The Pulumi program, which runs when it is imported.
        if not module.name.endswith("__main__"):
            found[module.name] = importlib.import_module(module.name).__file__
print(json.dumps(found))
"""

(EXAMPLE,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "package.md").read_text(), flags=re.DOTALL)

ENGINE = """
import sys
import pulumi


class Recorder(pulumi.runtime.Mocks):
    def new_resource(self, args):
        print(args.typ, args.name)
        return f"{args.name}-id", {**args.inputs, "result": "a-password"}

    def call(self, args):
        return {}


pulumi.runtime.set_mocks(Recorder(), preview=False)


pulumi.runtime.test(lambda: exec(sys.argv[1]))()
"""


def checked(*command: str | Path, cwd: Path, seconds: float, environment: dict[str, str] | None = None) -> str:
    done = run(*command, cwd=cwd, seconds=seconds, environment=environment)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def run(
    *command: str | Path, cwd: Path, seconds: float = RUN_SECONDS, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that finds nothing of this checkout by its environment."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**variables, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def build(source: Path, target: Path, *kinds: str) -> Path:
    options = [part for kind in kinds for part in ("--target", kind)]
    checked(
        *(sys.executable, "-m", "hatchling", "build", "--directory", target, *options),
        cwd=source,
        seconds=BUILD_SECONDS,
    )
    return target


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without what is not committed."""
    copied = tmp_path_factory.mktemp("tree") / "jellyfin-ha"
    shutil.copytree(ROOT, copied, symlinks=True, ignore=NOT_OF_THE_TREE)
    return copied


@pytest.fixture(scope="module")
def dist(tree: Path) -> Path:
    return build(tree, tree / "dist", "sdist", "wheel")


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(tree: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and the locked versions of what it asks for.

    It is made by the very steps of the operations image's Containerfile.
    """
    place = tmp_path_factory.mktemp("installed")
    source = place / "source"
    source.mkdir()
    for file in (wheel, tree / "requirements.lock"):
        shutil.copy(file, source)
    folders = {"SOURCE": source, "WHEELS": place / "wheels", "INSTALLED": place / "venv"}
    containerfile = (tree / "images" / "operations" / "Containerfile").read_text()
    steps = re.findall(r"^RUN (.+)$", containerfile.replace("\\\n", " "), flags=re.MULTILINE)
    assert len(steps) == 2
    for step in steps:
        checked(
            *("sh", "-ec", step),
            cwd=place,
            seconds=INSTALL_SECONDS,
            environment={name: str(folder) for name, folder in folders.items()},
        )
    return folders["INSTALLED"]


def test_the_wheel_holds_every_file_of_every_room_under_one_name_and_nothing_beside_it(tree: Path, wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = f"jellyfin_ha-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"jellyfin_ha", metadata}
    assert {f"{metadata}/licenses/LICENSE", "jellyfin_ha/py.typed", "jellyfin_ha/__init__.py"} <= names
    for room in ROOMS:
        files = {file.relative_to(tree).as_posix() for file in (tree / room).rglob("*") if file.is_file()}
        assert {f"jellyfin_ha/{file}" for file in files} == {
            name for name in names if name.startswith(f"jellyfin_ha/{room}/")
        }


def test_the_source_distribution_gives_the_same_wheel_to_the_byte(dist: Path, wheel: Path, tmp_path: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    again = build(source, tmp_path / "dist", "wheel")
    assert (again / wheel.name).read_bytes() == wheel.read_bytes()


def test_pip_makes_the_same_wheel_of_a_checkout(tree: Path, wheel: Path, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    checked(*pip, "--wheel-dir", tmp_path, tree, cwd=tmp_path, seconds=BUILD_SECONDS)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_every_module_can_be_imported_where_the_checkout_is_not(installed: Path, tmp_path: Path) -> None:
    found = json.loads(checked(installed / "bin" / "python", "-I", "-c", IMPORT_ALL, cwd=tmp_path, seconds=RUN_SECONDS))
    assert {"jellyfin_ha.cli.migrate", "jellyfin_ha.components.postgres_database"} <= found.keys()
    assert [name for name, file in found.items() if not Path(file).is_relative_to(installed)] == []


def test_the_command_shows_its_version_and_its_help(installed: Path, tmp_path: Path) -> None:
    command = installed / "bin" / "jellyfin-ha"
    assert checked(command, "--version", cwd=tmp_path, seconds=RUN_SECONDS) == f"{__version__}\n"
    assert "migrate" in checked(command, "--help", cwd=tmp_path, seconds=RUN_SECONDS)
    assert "--sqlite" in checked(command, "migrate", "--help", cwd=tmp_path, seconds=RUN_SECONDS)


def test_a_sample_library_is_written_and_migrated(installed: Path, target: str, tmp_path: Path) -> None:
    command = installed / "bin" / "jellyfin-ha"
    checked(command, "lab", "sample-db", "old.db", "--items", str(MINIMUM_ITEMS), cwd=tmp_path, seconds=RUN_SECONDS)
    arguments = ("migrate", "--sqlite", "old.db", "--postgres", target)
    checked(command, *arguments, "--dry-run", cwd=tmp_path, seconds=RUN_SECONDS)
    assert read_record(target) is None
    checked(command, *arguments, cwd=tmp_path, seconds=RUN_SECONDS)
    assert read_record(target) is not None


@pytest.mark.parametrize("arguments", [("up",), ("status",), ("lab", "up"), ("lab", "node", "start", "n1")])
def test_what_needs_a_checkout_is_refused_as_bad_use_also_in_somebody_elses_project(
    installed: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "infra").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: home\nruntime: python\nmain: infra\n")
    done = run(installed / "bin" / "jellyfin-ha", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "expected to be run in a checkout of jellyfin-ha" in done.stderr


def test_the_pages_program_makes_a_component(installed: Path, tmp_path: Path) -> None:
    said = checked(installed / "bin" / "python", "-I", "-c", ENGINE, EXAMPLE, cwd=tmp_path, seconds=RUN_SECONDS)
    assert "jellyfin-ha:index:PostgresDatabase films" in said
    assert "kubernetes:apps/v1:StatefulSet films" in said
