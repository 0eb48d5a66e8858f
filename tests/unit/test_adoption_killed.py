"""Killed at any moment, no file stands half under its name, and the next run ends whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jellyfin_ha.operations.adoption.copy import part_of

from . import old_server
from .dying import killed_at
from .old_server import adopt, expected, files, in_child, look, make, state, write


@pytest.fixture(autouse=True)
def not_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that the system has: waiting for the disk would only take time here."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


def _small(folder: Path) -> Path:
    """Some of a server's files: every step for each of them is tried."""
    make(folder)
    for path in (
        "metadata",
        "plugins",
        "config/users",
        "config/ScheduledTasks",
        "data/trickplay",
        "data/subtitles",
        "data/attachments",
        "data/collections",
    ):
        shutil.rmtree(folder / path)
    return folder


def _require_nothing_half(old: Path, new: Path) -> None:
    source = files(old)
    for path, content in files(new).items():
        if ".part" not in path:
            assert content == source[path], path


def test_killed_before_each_step_the_next_run_ends_whole(tmp_path: Path) -> None:
    old = _small(tmp_path / "old")
    (old / "data/link").symlink_to("playlists")
    before = state(old)
    adopt(old, tmp_path / "never killed")
    whole = files(tmp_path / "never killed")
    new = tmp_path / "new"

    for step in range(1, 10_000):
        shutil.rmtree(new, ignore_errors=True)
        status = killed_at(step, old, new)
        if new.exists():
            _require_nothing_half(old, new)
        if status == 0:
            break
        assert os.WIFSIGNALED(status), "the run failed by itself"
        adopt(old, new)
        assert files(new) == whole
        assert (new / "data/link").readlink() == Path("playlists")
        assert not list(new.rglob("*.part"))

    assert step > 4 * len(whole), "the run was killed at every file's steps"
    assert state(old) == before


def test_a_run_killed_again_and_again_gets_on(tmp_path: Path) -> None:
    old, new = make(tmp_path / "old"), tmp_path / "new"
    status = -1
    for _ in range(100):
        status = killed_at(70, old, new)
        if status == 0:
            break
    assert status == 0
    assert files(new) == expected()


def test_what_a_killed_run_wrote_may_be_replaced_when_the_old_server_ran_in_between(tmp_path: Path) -> None:
    old, new = _small(tmp_path / "old"), tmp_path / "new"
    for step in range(1, 10_000):
        shutil.rmtree(new, ignore_errors=True)
        write(old / "config/branding.xml", "<BrandingOptions />")
        status = killed_at(step, old, new)
        (old / "config/branding.xml").write_text("<BrandingOptions><Css>red</Css></BrandingOptions>")
        adopt(old, new)
        assert files(new)["config/branding.xml"] == (old / "config/branding.xml").read_bytes()
        if status == 0:
            return
    pytest.fail("the run was never left alone")


def test_killed_while_it_brings_what_changed_since_the_next_run_ends_whole(tmp_path: Path) -> None:
    old, new, first = _small(tmp_path / "old"), tmp_path / "new", tmp_path / "first"
    adopt(old, first)
    (old / "config/branding.xml").write_text("<BrandingOptions><Css>red</Css></BrandingOptions>")
    for step in range(1, 10_000):
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(first, new, symlinks=True)
        status = killed_at(step, old, new)
        adopt(old, new)
        assert "red" in (new / "config/branding.xml").read_text()
        if status == 0:
            return
    pytest.fail("the run was never left alone")


def test_killed_just_after_a_file_got_its_name_it_is_still_known_as_ones_own(tmp_path: Path) -> None:
    old, new = _small(tmp_path / "old"), tmp_path / "new"
    found = look(old, new)

    def killed() -> None:
        real = Path.replace

        def replace_and_die(self: Path, target: Path) -> None:
            real(self, target)
            if target.name == "branding.xml":
                os.kill(os.getpid(), signal.SIGKILL)

        Path.replace = replace_and_die  # type: ignore[method-assign,assignment]
        old_server.copy(found)

    assert os.WIFSIGNALED(in_child(killed))
    assert (new / "config/branding.xml").exists()
    (old / "config/branding.xml").write_text("<BrandingOptions><Css>red</Css></BrandingOptions>")
    adopt(old, new)
    assert "red" in (new / "config/branding.xml").read_text()


def test_killed_in_the_middle_of_a_large_file_the_next_run_ends_whole(tmp_path: Path) -> None:
    old, new = make(tmp_path / "old"), tmp_path / "new"
    large = old / "data/trickplay/large.bin"
    large.write_bytes(os.urandom(1 << 20) * 64)
    command = (
        "import sys; sys.path.insert(0, sys.argv[3]); from pathlib import Path; "
        "from tests.unit.old_server import adopt; adopt(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen([sys.executable, "-c", command, str(old), str(new), root])
    deadline = time.monotonic() + 60
    part = part_of(new / large.relative_to(old))
    while not (part.exists() and part.stat().st_size > 1 << 20):
        assert time.monotonic() < deadline, "no large file was begun within 60 seconds"
        assert process.poll() is None, "the run ended before it could be killed"
    process.kill()
    process.wait(timeout=30)
    assert not (new / "data/trickplay/large.bin").exists()
    adopt(old, new)
    assert (new / "data/trickplay/large.bin").read_bytes() == large.read_bytes()
    assert not list(new.rglob("*.part"))
