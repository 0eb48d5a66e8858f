"""The operations image runs the command as a restricted pod runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jellyfin_ha import __version__
from jellyfin_ha.lab import images
from jellyfin_ha.operations.migration import read_record
from jellyfin_ha.operations.progress import silent
from tests.integration.containers import running, unpack
from tests.integration.migration_library import Library

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SERVERS_USER = (1000, 1000)
# The image starts Python without compiled code of the project's own.
SECONDS = 120


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (image,) = images.ensure(silent, "operations")
    return unpack(image, tmp_path_factory.mktemp("operations"))


def run(bundle: Path, *arguments: str, volumes: dict[str, Path] | None = None) -> tuple[int, str]:
    """The exit code and the words of the command, with a read-only root and without any right."""
    with running(bundle, args=arguments, user=SERVERS_USER, volumes=volumes, empty=("/tmp",)) as container:
        return container.process.wait(SECONDS), container.output()


def test_the_command_says_its_version_and_what_it_can_do(bundle: Path) -> None:
    assert run(bundle, "--version") == (0, f"{__version__}\n")
    for command in ("migrate", "adopt", "leases"):
        code, said = run(bundle, command, "--help")
        assert code == 0, said
        assert "Usage: jellyfin-ha" in said


def test_a_library_is_migrated_from_a_mounted_folder(bundle: Path, library: Library, target: str) -> None:
    for path in (library.path.parent, library.path):
        os.chown(path, *SERVERS_USER)
    arguments = ("migrate", "--sqlite", f"/old/{library.path.name}", "--postgres", target)
    code, said = run(bundle, *arguments, volumes={"/old": library.path.parent})
    assert code == 0, said
    assert read_record(target) is not None


def test_what_needs_a_checkout_is_refused_as_bad_use(bundle: Path) -> None:
    code, said = run(bundle, "up")
    assert code == 2, said
    assert "expected to be run in a checkout of jellyfin-ha" in said
