"""What a server is comes over whole, what belongs to its machine does not, and the old folder stays as it was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from jellyfin_ha.operations.adoption import Owner
from jellyfin_ha.operations.adoption import copy as copy_module
from jellyfin_ha.operations.errors import UserError

from . import old_server
from .old_server import COPIED, LEFT_OUT, OTHER_ID, adopt, copy, files, look, make, state, write


def test_what_identifies_and_configures_the_server_is_there_afterwards(old: Path, new: Path) -> None:
    outcome = adopt(old, new)
    assert files(new) == old_server.expected()
    assert outcome.files == len(COPIED)


def test_the_old_folder_is_never_changed(old: Path, new: Path) -> None:
    before = state(old)
    adopt(old, new)
    assert state(old) == before


def test_what_is_left_out_is_told_with_its_size_and_why(old: Path, new: Path) -> None:
    told = {group.path: group for group in look(old, new).selection.left_out}
    for path, content in LEFT_OUT.items():
        parents = [str(parent) for parent in Path(path).parents]
        group = told.get(path) or next(told[parent] for parent in parents if parent in told)
        assert group.reason
        assert group.size >= len(content)
    assert told["data/jellyfin.db"].size == (old / "data/jellyfin.db").stat().st_size


def test_times_and_permissions_come_along(old: Path, new: Path) -> None:
    (old / "config/system.xml").chmod(0o640)
    (old / "metadata").chmod(0o750)
    os.utime(old / "metadata", ns=(5, 5))
    adopt(old, new)
    about = (new / "config/system.xml").stat()
    assert about.st_mtime_ns == (old / "config/system.xml").stat().st_mtime_ns
    assert about.st_mode & 0o777 == 0o640
    assert (new / "metadata").stat().st_mode & 0o777 == 0o750
    assert (new / "metadata").stat().st_mtime_ns == 5


def test_the_new_servers_can_write_even_what_the_old_one_could_not(old: Path, new: Path) -> None:
    (old / "config/branding.xml").chmod(0o444)
    (old / "plugins").chmod(0o555)
    adopt(old, new)
    assert (new / "config/branding.xml").stat().st_mode & 0o777 == 0o644
    assert (new / "plugins").stat().st_mode & 0o777 == 0o755


def test_empty_folders_come_along(old: Path, new: Path) -> None:
    (old / "root/default/Music").mkdir()
    adopt(old, new)
    assert (new / "root/default/Music").is_dir()


def test_the_copies_belong_to_the_owner(old: Path, new: Path) -> None:
    owner = Owner(1234, 2345) if os.geteuid() == 0 else Owner(os.geteuid(), os.getegid())
    adopt(old, new, owner=owner)
    for path in [new, *new.rglob("*")]:
        assert (path.lstat().st_uid, path.lstat().st_gid) == (owner.uid, owner.gid), path


def test_what_was_there_already_belongs_to_the_owner_too(old: Path, new: Path) -> None:
    shutil.copytree(old / "metadata", new / "metadata")
    adopt(old, new, owner=Owner(os.geteuid(), os.getegid()))
    owner = Owner(1234, 2345) if os.geteuid() == 0 else Owner(os.geteuid(), os.getegid())
    adopt(old, new, owner=owner)
    for path in new.rglob("*"):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (owner.uid, owner.gid), path


def test_what_no_rule_names_is_copied_and_told(tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old", more={"scripts/a/notify.sh": "#!/bin/sh", "scripts/a/b.sh": "", "data/odd.bin": "?"})
    found = look(old, new)
    assert {(group.path, group.files) for group in found.selection.unnamed} == {("scripts/a", 2), ("data/odd.bin", 1)}
    copy(found)
    assert (new / "scripts/a/notify.sh").read_text() == "#!/bin/sh"


def test_a_second_run_copies_nothing(old: Path, new: Path) -> None:
    adopt(old, new)
    before = files(new)
    outcome = adopt(old, new)
    assert (outcome.files, outcome.known) == (0, len(COPIED))
    assert files(new) == before


def test_a_later_run_brings_what_the_old_server_wrote_since(old: Path, new: Path) -> None:
    adopt(old, new)
    (old / "config/system.xml").write_text(old_server.SYSTEM.replace("attic", "cellar"))
    (old / "metadata/library/0a/0a1b/logo.png").write_text("logo")
    outcome = adopt(old, new)
    assert outcome.files == 2
    assert "cellar" in (new / "config/system.xml").read_text()


def test_a_file_removed_from_the_new_folder_is_copied_again(old: Path, new: Path) -> None:
    adopt(old, new)
    (new / "data/splashscreen.png").unlink()
    assert adopt(old, new).files == 1


def test_what_the_new_servers_have_changed_since_is_not_overwritten(old: Path, new: Path) -> None:
    adopt(old, new)
    (new / "config/encoding.xml").write_text("<EncodingOptions />")
    before = state(new)
    (reason,) = look(old, new).refusals
    assert "config/encoding.xml: was changed since it was adopted" in reason
    assert state(new) == before


def test_a_target_with_another_servers_id_is_refused_and_not_touched(old: Path, new: Path) -> None:
    write(new / "data/device.txt", OTHER_ID)
    before = state(new)
    (reason,) = look(old, new).refusals
    assert OTHER_ID in reason
    assert "empty the folder but for config/database.xml" in reason
    assert state(new) == before


def test_a_target_that_another_server_was_being_adopted_into_is_refused(old: Path, new: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    write(other / "data/device.txt", OTHER_ID)
    adopt(other, new)
    (new / "data/device.txt").unlink()
    (reason,) = look(old, new).refusals
    assert OTHER_ID in reason


def test_a_target_with_other_files_under_the_same_names_is_refused(old: Path, new: Path) -> None:
    write(new / "config/network.xml", "<NetworkConfiguration><BaseUrl>/tv</BaseUrl></NetworkConfiguration>")
    (new / "metadata").parent.mkdir(exist_ok=True)
    write(new / "metadata", "not a folder")
    (reason,) = look(old, new).refusals
    assert "config/network.xml: has another content there" in reason
    assert "metadata: a folder here, something else there" in reason


def test_what_somebody_copied_by_hand_counts_when_it_is_the_same(old: Path, new: Path) -> None:
    shutil.copytree(old / "metadata", new / "metadata")
    outcome = adopt(old, new)
    assert outcome.known == 2
    assert files(new) == old_server.expected()


def test_what_else_is_in_the_new_folder_stays(old: Path, new: Path) -> None:
    write(new / "config/database.xml", "<DatabaseType>Jellyfin-PostgreSQL</DatabaseType>")
    write(new / "plugins/PostgreSQL/Jellyfin.Plugin.Pgsql.dll", "MZ")
    found = look(old, new)
    copy(found)
    assert "PostgreSQL" in (new / "config/database.xml").read_text()
    assert (new / "plugins/PostgreSQL/Jellyfin.Plugin.Pgsql.dll").is_file()
    assert not [note for note in found.notes if "no server has started" in note]


def test_a_folder_that_no_new_server_has_started_on_is_told(old: Path, new: Path) -> None:
    assert [note for note in look(old, new).notes if "no server has started" in note]


def test_a_file_that_comes_back_otherwise_never_gets_its_name(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_module, "digest_of", lambda path: "0" * 64)
    with pytest.raises(UserError, match="comes back with another content"):
        adopt(old, new)
    assert files(new) == {}


def test_no_room_is_told_before_anything_is_written(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 4096))
    (reason,) = look(old, new).refusals
    assert "has 4.0 KiB: make room" in reason
    assert not new.exists()


def test_a_disk_that_fills_up_is_told_and_the_next_run_goes_on(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, iter(range(100))

    def full(file: int) -> None:
        if next(calls) == 5:
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot copy .*: No space left on device") as failure:
        adopt(old, new)
    assert failure.value.exit_code == 1
    monkeypatch.undo()
    assert adopt(old, new).known == 5
    assert files(new) == old_server.expected()
