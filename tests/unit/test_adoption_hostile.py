"""Folders as they are in the wild: links, odd names, files that may not be read, a server that still runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jellyfin_ha.operations.adoption import copy as copy_module
from jellyfin_ha.operations.adoption import survey
from jellyfin_ha.operations.adoption import transfer as run_module
from jellyfin_ha.operations.adoption.copy import CHUNK_BYTES
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent

from . import old_server
from .old_server import adopt, as_nobody, copy, files, in_child, look, make, request, state, write


def test_links_that_stay_inside_come_along_as_links(old: Path, new: Path) -> None:
    (old / "metadata/here").symlink_to("library")
    (old / "metadata/library/up").symlink_to("..")
    (old / "data/settings").symlink_to("../config/system.xml")
    adopt(old, new)
    assert (new / "metadata/here").readlink() == Path("library")
    assert (new / "metadata/library/up").readlink() == Path("..")
    assert (new / "data/settings").read_text() == old_server.SYSTEM


def test_links_in_a_circle_end(old: Path, new: Path) -> None:
    (old / "metadata/a").symlink_to("b")
    (old / "metadata/b").symlink_to("a")
    (old / "metadata/self").symlink_to(".")
    adopt(old, new)
    assert (new / "metadata/a").readlink() == Path("b")


@pytest.mark.parametrize("target", ["{outside}", "../../outside", "library/../../../outside"])
def test_a_link_out_of_the_folder_is_refused_by_name(target: str, old: Path, new: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (old / "metadata/elsewhere").symlink_to(target.format(outside=outside))
    found = look(old, new)
    (reason,) = found.refusals
    assert "metadata/elsewhere -> " in reason
    assert "--leave-out-links" in reason
    accepted = survey(request(old, new, leave_out_links=True), silent)
    copy(accepted)
    assert not (new / "metadata/elsewhere").is_symlink()
    assert "metadata/elsewhere" in {group.path for group in accepted.selection.left_out}


def test_a_link_through_a_link_that_leaves_leaves_too(old: Path, new: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside/x", "x")
    (old / "metadata/door").symlink_to("../../outside")
    (old / "metadata/through").symlink_to("door/x")
    (reason,) = look(old, new).refusals
    assert "metadata/through -> door/x" in reason


def test_an_absolute_link_that_leads_nowhere_here_is_left_out_and_told(old: Path, new: Path) -> None:
    (old / "metadata/gone").symlink_to("/nowhere/at/all")
    found = look(old, new)
    copy(found)
    assert [group.reason for group in found.selection.left_out if group.path == "metadata/gone"] == [
        "link that leads nowhere in the folder: /nowhere/at/all"
    ]


def test_pipes_and_sockets_are_left_out_and_told(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(old / "data/pipe")
    monkeypatch.chdir(old)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("data/socket")
    found = look(old, new)
    copy(found)
    told = {group.path: group.reason for group in found.selection.left_out}
    assert told["data/pipe"] == told["data/socket"] == "a socket, pipe or device"
    assert not (new / "data/pipe").exists()


def test_names_with_new_lines_and_bytes_that_are_no_text_come_along(old: Path, new: Path) -> None:
    folder = os.fsencode(old / "metadata")
    names = [b"two\nlines.jpg", b"caf\xe9.jpg", b"\xff\xfe", b"-rf", b"[bold]x", b" ", b"n" * 255]
    for name in names:
        with open(folder + b"/" + name, "wb") as content:  # noqa: PTH123
            content.write(name)
    adopt(old, new)
    for name in names:
        with open(os.fsencode(new / "metadata") + b"/" + name, "rb") as content:  # noqa: PTH123
            assert content.read() == name
    assert adopt(old, new).files == 0


def test_a_huge_file_of_holes_takes_no_more_room_there(old: Path, new: Path) -> None:
    with (old / "data/trickplay/huge.bin").open("wb") as content:
        content.write(b"start")
        content.seek(128 << 20)
        content.write(b"end")
        content.truncate((128 << 20) + CHUNK_BYTES)
    adopt(old, new)
    about = (new / "data/trickplay/huge.bin").stat()
    assert about.st_size == (128 << 20) + CHUNK_BYTES
    assert about.st_blocks * 512 <= 4 * CHUNK_BYTES


def test_many_folders_within_each_other_are_no_problem(old: Path, new: Path) -> None:
    deep = "/".join("d" for _ in range(400))
    inner = old / "metadata" / deep
    inner.mkdir(parents=True)
    (inner / "x").write_text("deep")
    adopt(old, new)
    assert (new / "metadata" / deep / "x").read_text() == "deep"


def test_a_file_that_may_not_be_read_is_refused_by_name(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    secret = old / "config/branding.xml"
    secret.chmod(0)

    def refused() -> None:
        as_nobody()
        (reason,) = [one for one in look(old, new).refusals if "may not read" in one]
        assert str(secret) in reason

    assert in_child(refused) == 0


def test_a_folder_that_may_not_be_entered_is_refused_by_name(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    (old / "plugins").chmod(0)

    def refused() -> None:
        as_nobody()
        assert [one for one in look(old, new).refusals if str(old / "plugins") in one]

    assert in_child(refused) == 0
    (old / "plugins").chmod(0o755)


def test_what_stays_behind_need_not_be_readable(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    new.mkdir()
    new.chmod(0o777)
    (old / "lost+found").mkdir(mode=0)
    (old / "log/log_20261123.log").chmod(0)
    (old / "cache/images").chmod(0)

    def looked() -> None:
        as_nobody()
        assert look(old, new).refusals == ()

    assert in_child(looked) == 0
    for path in ("lost+found", "cache/images"):
        (old / path).chmod(0o755)


def test_a_server_that_has_its_database_open_is_refused_though_it_writes_nothing(old: Path, new: Path) -> None:
    database = old / "data/jellyfin.db"
    (old / "data/jellyfin.db-wal").unlink()
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('PRAGMA journal_mode = WAL').fetchall()\n"
        "connection.execute('SELECT count(*) FROM BaseItems').fetchall()\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"open\n"
        (reason,) = look(old, new).refusals
        assert f"open in process {server.pid}" in reason
        assert "Stop the old server" in reason
        server.communicate(timeout=30)
    assert look(old, new).refusals == ()


def test_what_appears_in_the_new_folder_while_it_is_copied_is_not_overwritten(old: Path, new: Path) -> None:
    found = look(old, new)
    write(new / "config/encoding.xml", "<EncodingOptions />")
    with pytest.raises(UserError, match="a new server runs on that folder") as failure:
        copy(found)
    assert failure.value.exit_code == 1
    assert (new / "config/encoding.xml").read_text() == "<EncodingOptions />"
    assert "config/encoding.xml: has another content there" in look(old, new).refusals[0]


def test_what_changes_in_the_new_folder_while_it_is_brought_up_to_date_is_not_overwritten(old: Path, new: Path) -> None:
    adopt(old, new)
    (old / "config/branding.xml").write_text("<BrandingOptions><Css>red</Css></BrandingOptions>")
    found = look(old, new)
    (new / "config/branding.xml").write_text("<BrandingOptions><Css>green</Css></BrandingOptions>")
    with pytest.raises(UserError, match="was written while this copied"):
        copy(found)
    assert "green" in (new / "config/branding.xml").read_text()


def test_two_servers_adopted_at_once_do_not_mix(old: Path, new: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    write(other / "data/device.txt", old_server.OTHER_ID)
    found = look(old, new)
    adopt(other, new)
    before = files(new)
    with pytest.raises(UserError, match=f"another run has begun to adopt the server {old_server.OTHER_ID}"):
        copy(found)
    assert files(new) == before


def test_a_target_that_can_no_longer_be_written_is_told_and_nothing_is_lost(public: Path) -> None:
    old, new = make(public / "old"), public / "new"
    new.mkdir()
    new.chmod(0o777)
    found = look(old, new)
    new.chmod(0o555)

    def refused() -> None:
        as_nobody()
        with pytest.raises(UserError, match="Permission denied") as failure:
            copy(found)
        assert failure.value.exit_code == 1

    before = state(old)
    assert in_child(refused) == 0
    assert files(new) == {}
    assert state(old) == before


@pytest.mark.parametrize("change", ["other content", "other size", "gone"])
def test_a_file_that_changes_while_it_is_copied_says_that_the_server_runs(
    change: str, old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = old / "metadata/library/0a/0a1b/poster.jpg"
    real = copy_module.copy_file

    def changing(entry: old_server.Survey, *rest: object) -> None:
        if entry.source == str(victim):  # type: ignore[attr-defined]
            if change == "gone":
                victim.unlink()
            else:
                victim.write_text("POSTER" if change == "other content" else "a larger poster")
        real(entry, *rest)  # type: ignore[arg-type]

    found = look(old, new)
    monkeypatch.setattr(run_module, "copy_file", changing)
    with pytest.raises(UserError, match="old server still runs") as failure:
        copy(found)
    assert failure.value.exit_code == 1
    assert "metadata/library/0a/0a1b/poster.jpg" not in files(new)
    monkeypatch.undo()
    adopt(old, new)
    assert (new / victim.relative_to(old)).exists() == (change != "gone")


@pytest.mark.parametrize("path", ["config/system.xml", "data/playlists/new/playlist.xml", "data/jellyfin.db-wal"])
def test_a_server_that_writes_after_its_file_was_copied_is_noticed(
    path: str, old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run_module._copy

    def writing(*everything: object) -> object:
        outcome = real(*everything)  # type: ignore[arg-type]
        (old / path).parent.mkdir(exist_ok=True)
        (old / path).write_text("the server was here")
        return outcome

    monkeypatch.setattr(run_module, "_copy", writing)
    with pytest.raises(UserError, match="Stop the old server") as failure:
        adopt(old, new)
    assert path in str(failure.value)


def test_two_runs_at_once_do_not_mix(old: Path, new: Path) -> None:
    found = look(old, new)
    adopt(old, new)
    with run_module.open_journal(new, found.server_id, None), pytest.raises(UserError, match="another adoption"):
        copy(found)


def test_a_damaged_record_is_told(old: Path, new: Path) -> None:
    adopt(old, new)
    record = new / "jellyfin-ha-adoption.jsonl"
    record.write_text('{"adoption": 1, "server_id": "x"}\nnonsense\n{"finished": "now"}\n')
    with pytest.raises(UserError, match="cannot read its line 2"):
        look(old, new)


def test_a_link_in_the_new_folder_leads_nothing_astray(old: Path, new: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    new.mkdir()
    (new / "metadata").symlink_to(elsewhere)
    (reason,) = look(old, new).refusals
    assert "metadata: a folder here, something else there" in reason
    assert not list(elsewhere.iterdir())


def test_an_old_folder_with_the_traces_of_an_adoption_gives_none_of_them_on(old: Path, new: Path) -> None:
    write(old / "jellyfin-ha-adoption.jsonl", "{}")
    write(old / "metadata/jellyfin-ha-adopt-0123456789abcdef.part", "half")
    adopt(old, new)
    assert files(new) == old_server.expected()
