"""Recipes: what they promise, what makes a new image, and what a wrong one is told."""

from __future__ import annotations

import ast
import re
import shutil
import tarfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from jellyfin_ha.components.server_images import PLUGIN_FILE, PLUGIN_FOLDER
from jellyfin_ha.lab.images import builder, recipe, requirements
from jellyfin_ha.lab.images.layer import Entry, entries, write_layer
from jellyfin_ha.operations.errors import UserError

CHECKOUT = Path(__file__).resolve().parents[2]


def loaded(name: str) -> recipe.Recipe:
    return recipe.load(CHECKOUT / "images" / name)


def paths(name: str) -> dict[str, Entry]:
    return {entry.path: entry for entry in entries(loaded(name), CHECKOUT)}


def test_the_databases_keep_the_official_images_users_ports_and_data_folders() -> None:
    postgres, redis = loaded("postgres"), loaded("redis")
    assert [(user.name, user.uid, user.gid) for user in postgres.users] == [("postgres", 999, 999)]
    assert [(user.name, user.uid, user.gid) for user in redis.users] == [("redis", 999, 999)]
    assert (postgres.config.ports, redis.config.ports) == (("5432/tcp",), ("6379/tcp",))
    assert postgres.config.env["PGDATA"] == "/var/lib/postgresql/data"
    assert (postgres.config.stop_signal, redis.config.working_dir) == ("SIGINT", "/data")


def test_the_media_server_keeps_the_official_images_entry_point_port_and_volumes() -> None:
    config = loaded("mediaserver").config
    assert (config.entrypoint, config.ports, config.volumes) == (
        ("/jellyfin/jellyfin",),
        ("8096/tcp",),
        ("/config", "/cache"),
    )
    assert paths("mediaserver")["/jellyfin/jellyfin"].mode == 0o755
    assert paths("mediaserver")["/usr/lib/jellyfin-ffmpeg/ffmpeg"].target == "/usr/bin/ffmpeg"


def test_the_media_server_has_a_stand_in_for_the_plugin_where_the_plugins_image_has_it() -> None:
    plugin = paths("mediaserver")[f"{PLUGIN_FOLDER}/{PLUGIN_FILE}"]
    assert b"stand-in" in (plugin.content or b"")


# Debian's, in the image.
PYTHON = {"python_version": "3.11", "python_full_version": "3.11.2"}


def needed(name: str, extras: tuple[str, ...] = ("",), known: frozenset[str] = frozenset()) -> frozenset[str]:
    """The packages that an installed one asks for in the image, with all that these ask for."""
    for asked in map(Requirement, requires(name) or ()):
        if asked.marker and not any(asked.marker.evaluate({**PYTHON, "extra": extra}) for extra in extras):
            continue
        found = re.sub(r"[-_.]+", "-", asked.name).lower()
        if found not in known:
            known = needed(asked.name, ("", *asked.extras), known | {found})
    return known


def test_the_operations_image_has_what_the_package_asks_for_and_nothing_else() -> None:
    python = loaded("operations").python
    assert python is not None
    assert python.requirements == tuple(sorted(needed("jellyfin-ha")))


def test_the_operations_image_is_the_same_for_registries_and_for_the_lab() -> None:
    containerfile = (CHECKOUT / "images" / "operations" / "Containerfile").read_text()
    config = loaded("operations").config
    assert re.findall(r"^USER (.+)$", containerfile, flags=re.MULTILINE) == [config.user]
    assert re.findall(r"^ENTRYPOINT (.+)$", containerfile, flags=re.MULTILINE) == ['["jellyfin-ha"]']
    assert config.entrypoint == ("jellyfin-ha",)


def test_the_nodes_get_the_images_that_the_stack_runs() -> None:
    recipes = [recipe.load(file.parent) for file in (CHECKOUT / "images").glob("*/recipe.toml")]
    assert {found.name for found in recipes if found.on_nodes} == {"mediaserver", "pause", "postgres", "redis"}


@pytest.mark.parametrize(
    ("name", "root"), [("mediaserver", "/jellyfin/server/"), ("operations", "/opt/jellyfin-ha/code/")]
)
def test_an_image_holds_all_of_this_project_that_its_code_imports(name: str, root: str) -> None:
    packed = paths(name)
    for path, entry in packed.items():
        if not path.startswith(root) or not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(entry.content or b"")):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("jellyfin_ha."):
                module = root + str(node.module).replace(".", "/")
                assert f"{module}.py" in packed or f"{module}/__init__.py" in packed, f"{path} imports {node.module}"


def test_no_cache_of_bytecode_gets_into_an_image() -> None:
    assert not [path for path in paths("mediaserver") if "__pycache__" in path]


def test_folders_come_before_what_is_in_them_and_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    found = entries(loaded("postgres"), CHECKOUT)
    names = [entry.path for entry in found]
    assert names.index("/usr/local/bin") < names.index("/usr/local/bin/docker-entrypoint.sh")
    for file in ("one", "two"):
        write_layer(found, tmp_path / file)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with tarfile.open(tmp_path / "one") as layer:
        run = layer.getmember("run/postgresql")
        assert (run.mode, run.uid, run.gid, run.mtime) == (0o3777, 999, 999, 0)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    copied = tmp_path / "checkout"
    for folder in ("images", "cli", "components", "infra", "lab", "operations"):
        shutil.copytree(CHECKOUT / folder, copied / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "jellyfin_ha").mkdir()
    for file in ("requirements.lock", "jellyfin_ha/__init__.py"):
        shutil.copy(CHECKOUT / file, copied / file)
    return copied


def references(checkout: Path) -> dict[str, str]:
    return {image.name: image.reference for image in builder.planned(checkout, checkout / "cache")}


def test_an_image_is_named_after_its_content_and_not_after_where_the_checkout_is(checkout: Path) -> None:
    here = {image.name: image.reference for image in builder.planned(CHECKOUT, CHECKOUT / "cache")}
    assert references(checkout) == here
    assert here["postgres"].startswith("docker.io/lab/postgres:")
    assert len(here["postgres"].rpartition(":")[2]) == 12


@pytest.mark.parametrize(
    ("file", "renamed"),
    [
        ("images/redis/docker-entrypoint.sh", {"redis"}),
        ("images/pause/pause.c", {"pause"}),
        ("lab/mediaserver/settings.py", {"mediaserver", "operations"}),
        ("operations/errors.py", {"mediaserver", "operations"}),
        ("operations/status.py", {"operations"}),
        ("images/operations/Containerfile", set()),
    ],
)
def test_a_change_makes_those_images_anew_that_hold_the_file_and_no_others(
    checkout: Path, file: str, renamed: set[str]
) -> None:
    before = references(checkout)
    with (checkout / file).open("a") as changed:
        changed.write("\n")
    after = references(checkout)
    assert {name for name in before if before[name] != after[name]} == renamed


def test_a_wrong_recipe_is_told_all_its_errors_by_key(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('[config]\nentrypoint = "/one"\nuzer = "1"\n[debian]\nsuite = 12\n')
    with pytest.raises(UserError) as refused:
        recipe.load(tmp_path)
    assert refused.value.exit_code == 2
    for key in ("config.entrypoint", "config.uzer", "debian.suite", "debian.packages"):
        assert f"  {key}: " in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(
        '[config]\nentrypoint = ["/one"]\n[[files]]\nsource = "missing.sh"\npath = "/one"\n'
    )
    with pytest.raises(UserError, match=r"missing\.sh"):
        entries(recipe.load(tmp_path), tmp_path)


def test_packages_come_from_the_projects_lock_with_their_hashes(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(
        "# made by a tool\nanyio==4.0 \\\n    --hash=sha256:aa\nPsycopg_Pool==3.2 \\\n"
        "    --hash=sha256:bb \\\n    --hash=sha256:cc\n    # via x\nzstd==1 --hash=sha256:dd\n"
    )
    chosen = requirements.locked(["psycopg-pool", "anyio"], lock)
    assert chosen.splitlines()[0] == "Psycopg_Pool==3.2 \\"
    assert "sha256:cc" in chosen
    assert "anyio==4.0" in chosen
    assert "zstd" not in chosen
    with pytest.raises(UserError, match="trio") as refused:
        requirements.locked(["anyio", "trio"], lock)
    assert refused.value.exit_code == 2
