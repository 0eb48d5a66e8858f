"""What this user may not do in the new folder is refused before anything is done there, in a dry run too.

They need root, to become somebody else.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jellyfin_ha.cli import app
from jellyfin_ha.infra import stack
from jellyfin_ha.operations.adoption import Owner, Survey, permission, survey
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent

from .old_server import NOBODY, adopt, as_nobody, copy, in_child, make, request, state, write

GROUP = 1234


@pytest.fixture
def read_only(tmp_path: Path) -> Generator[Path]:
    """A file system that nobody can write to."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], check=True, timeout=30)
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=30)


def _look(old: Path, new: Path, owner: Owner | None = None) -> Survey:
    return survey(request(old, new, owner=owner), silent)


def _as_nobody(work: Callable[[], None], groups: tuple[int, ...] = ()) -> None:
    def done() -> None:
        as_nobody(groups)
        work()

    assert in_child(done) == 0


def _belongs_to_nobody(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.lchown(path, NOBODY, NOBODY)


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_cannot_be_written_is_refused_by_name(there: bool, public: Path) -> None:
    old, shelf = make(public / "old"), public / "shelf"
    new = shelf / "new"
    shelf.mkdir()
    if there:
        new.mkdir()

    def refused() -> None:
        (reason,) = _look(old, new).refusals
        assert f"may not write to {new if there else shelf}:" in reason

    _as_nobody(refused)


def test_a_folder_within_it_is_refused_by_name(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    (new / "data/playlists").mkdir(parents=True)
    _belongs_to_nobody(new)
    os.chown(new / "data/playlists", 0, 0)

    def refused() -> None:
        assert f"may not write to {new / 'data/playlists'}:" in _look(old, new).refusals[0]

    _as_nobody(refused)


def test_a_record_that_cannot_be_continued_is_refused_by_name(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    adopt(old, new)
    record = new / "jellyfin-ha-adoption.jsonl"
    _belongs_to_nobody(new)
    os.chown(record, 0, 0)
    write(old / "metadata/more.jpg", "more")

    def refused() -> None:
        (reason,) = _look(old, new).refusals
        assert f"may not write to {record}:" in reason

    _as_nobody(refused)


def test_a_read_only_mount_is_refused_to_root_too(old: Path, read_only: Path) -> None:
    (reason,) = _look(old, read_only).refusals
    assert f"may not write to {read_only}:" in reason


def test_folders_of_somebody_else_whose_times_cannot_be_set_are_refused_by_name(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    (new / "data").mkdir(parents=True)
    for folder in (new, new / "data"):
        folder.chmod(0o777)

    def refused() -> None:
        found = _look(old, new)
        (reason,) = found.refusals
        assert str(new / "data") in reason
        assert "belong to another user" in reason

    _as_nobody(refused)


@pytest.mark.parametrize(
    ("owner", "groups", "allowed"),
    [
        (Owner(NOBODY, NOBODY), (), True),
        (Owner(NOBODY, GROUP), (GROUP,), True),
        (Owner(NOBODY, GROUP), (), False),
        (Owner(1000, 1000), (), False),
        (None, (), True),
    ],
)
def test_an_owner_that_this_user_cannot_give_to_is_refused_exactly_when_the_copy_would_fail(
    owner: Owner | None, groups: tuple[int, ...], allowed: bool, public: Path
) -> None:
    old, new = make(public / "old"), public / "new"
    new.mkdir()
    os.chown(new, NOBODY, NOBODY)

    def looked() -> None:
        refusals = _look(old, new, owner).refusals
        assert [f"cannot be given to {owner}" in reason for reason in refusals] == ([] if allowed else [True])
        # Not told of the owner, it finds nothing to refuse, and copies.
        found = _look(old, new)
        if allowed:
            copy(found, owner=owner)
        else:
            with pytest.raises(UserError, match=f"cannot be given to {owner}"):
                copy(found, owner=owner)

    _as_nobody(looked, groups)


def test_what_belongs_to_somebody_else_cannot_be_given_either(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    adopt(old, new)
    _belongs_to_nobody(new)
    os.chown(new / "config/system.xml", 1000, 1000)
    owner = Owner(NOBODY, NOBODY)

    def refused() -> None:
        (reason,) = _look(old, new, owner).refusals
        assert f"cannot be given to {owner}" in reason
        with pytest.raises(UserError, match=f"cannot be given to {owner}"):
            copy(_look(old, new), owner=owner)

    _as_nobody(refused)


@pytest.mark.parametrize(("kind", "refused"), [("ext4", True), ("nfs4", False), ("cifs", False)])
def test_whose_a_network_file_system_says_things_are_proves_nothing(
    kind: str, refused: bool, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that maps every user to one lets that one do what the owner may."""
    old, new = make(public / "old"), public / "new"
    (new / "data").mkdir(parents=True)
    for folder in (new, new / "data"):
        folder.chmod(0o777)
    device = new.stat().st_dev
    mounts = public / "mountinfo"
    mounts.write_text(
        f"36 35 {os.major(device)}:{os.minor(device)} / /mnt/nas rw,relatime shared:1 - {kind} nas:/volume rw\n"
    )
    monkeypatch.setattr(permission, "MOUNTS", mounts)

    def looked() -> None:
        assert len(_look(old, new, Owner(1000, 1000)).refusals) == (2 if refused else 0)

    _as_nobody(looked)


@pytest.mark.parametrize("options", [("--dry-run",), ()])
def test_a_dry_run_ends_as_the_run_would(options: tuple[str, ...], public: Path) -> None:
    old, new, report = make(public / "old"), public / "new", public / "reports" / "report.json"
    new.mkdir()
    report.parent.mkdir()
    os.chown(report.parent, NOBODY, NOBODY)
    before = state(new)
    # The command imports this when it runs.
    assert stack.MEDIA
    arguments = ["adopt", "--from", str(old), "--to", str(new), "--owner", "1000:1000", "--report", str(report)]

    def refused() -> None:
        error = CliRunner().invoke(app, [*arguments, *options]).exception
        assert isinstance(error, UserError)
        assert error.exit_code == 1
        assert f"may not write to {new}:" in str(error)
        assert "cannot be given to 1000:1000" in str(error)
        assert len(json.loads(report.read_text())["refusals"]) == 2

    _as_nobody(refused)
    assert state(new) == before
