"""Items are known by their paths: what the new servers will not find is counted before it is lost."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from jellyfin_ha.operations.adoption import MediaRoot, PathCheck, parse_media, survey
from jellyfin_ha.operations.adoption.media import check_paths
from jellyfin_ha.operations.adoption.path_groups import MOST_GROUPS
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent

from .old_server import look, make, request, state, write_database


def _check(tmp_path: Path, paths: Iterable[str], *roots: MediaRoot, libraries: Iterable[str] = ()) -> PathCheck:
    database = tmp_path / "jellyfin.db"
    write_database(database, paths)
    return check_paths(database, roots or (MediaRoot("/media"),), ("/config",), tuple(libraries), silent)


def test_media_below_the_new_servers_folders_are_found(tmp_path: Path) -> None:
    found = _check(tmp_path, ["/media", "/media/a.mkv", "/more/b.mkv"], MediaRoot("/media"), MediaRoot("/more"))
    assert (found.outside, found.missing, found.checked) == ((), (), 4)


def test_what_each_server_knows_for_itself_is_no_media(tmp_path: Path) -> None:
    own = ["%AppDataPath%/playlists/x", "%MetadataPath%/y", "http://tv/1", "rtsp://cam/2", "/config/root/default/Films"]
    found = _check(tmp_path, own)
    assert found.outside == ()
    assert found.home == "/config"


def test_media_elsewhere_are_told_by_library_with_their_number_and_an_example(tmp_path: Path) -> None:
    paths = [f"/mnt/pool/films/{n}/{n}.mkv" for n in range(1204)] + ["/mnt/pool/shows/s/1.mkv", "/media/ok.mkv"]
    found = _check(tmp_path, paths, libraries=["/mnt/pool/films", "/mnt/pool/shows"])
    assert [(group.prefix, group.items, group.example) for group in found.outside] == [
        ("/mnt/pool/films", 1204, "/mnt/pool/films/0/0.mkv"),
        ("/mnt/pool/shows", 1, "/mnt/pool/shows/s/1.mkv"),
    ]


def test_a_name_that_only_begins_like_the_root_is_elsewhere(tmp_path: Path) -> None:
    assert [group.prefix for group in _check(tmp_path, ["/media2/x/a.mkv"]).outside] == ["/media2/x"]


def test_paths_of_windows_are_elsewhere(tmp_path: Path) -> None:
    (group,) = _check(tmp_path, ["D:\\Films\\A\\A.mkv", "D:\\Films\\A\\B.mkv"]).outside
    assert (group.prefix, group.items) == ("D:\\Films\\A", 2)


def test_files_that_are_not_there_on_this_machine_are_counted(tmp_path: Path) -> None:
    here = tmp_path / "nas"
    (here / "films").mkdir(parents=True)
    (here / "films/a.mkv").touch()
    paths = ["/media/films/a.mkv", "/media/films/b.mkv", "/media/films/" + "n" * 300]
    found = _check(tmp_path, paths, MediaRoot("/media", here))
    assert [(group.prefix, group.items) for group in found.missing] == [("/media/films", 2)]


def test_paths_that_are_no_text_are_looked_for_by_their_bytes(tmp_path: Path) -> None:
    here = tmp_path / "nas"
    here.mkdir()
    name = "caf\udce9.mkv"
    (here / name).touch()
    write_database(tmp_path / "jellyfin.db", [])
    with sqlite3.connect(tmp_path / "jellyfin.db") as connection:
        connection.execute("INSERT INTO \"BaseItems\" VALUES (CAST(? AS TEXT), 'x')", (b"/media/caf\xe9.mkv",))
    connection.close()
    found = check_paths(tmp_path / "jellyfin.db", (MediaRoot("/media", here),), (), (), silent)
    assert found.missing == ()


@pytest.mark.parametrize("content", [None, b"", b"SQLite format 3\0" + b"x" * 200, b"text"])
def test_without_a_database_the_paths_are_not_checked_and_that_is_told(content: bytes | None, tmp_path: Path) -> None:
    database = tmp_path / "jellyfin.db"
    if content is not None:
        database.write_bytes(content)
    found = check_paths(database, (MediaRoot("/media"),), (), (), silent)
    assert found.checked is None
    assert "not checked" in found.note


def test_a_database_of_a_killed_server_is_told_and_nothing_is_made_beside_it(tmp_path: Path) -> None:
    database = tmp_path / "jellyfin.db"
    write_database(database, ["/media/a.mkv"])
    writer = sqlite3.connect(database)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO \"BaseItems\" VALUES ('/late', 'x')")
    writer.commit()
    before = state(tmp_path)
    found = check_paths(database, (MediaRoot("/media"),), (), (), silent)
    assert state(tmp_path) == before
    assert "the old server runs, or was killed" in found.note
    writer.close()


def test_the_memory_does_not_grow_with_the_library(tmp_path: Path) -> None:
    paths = (f"/mnt/{n % 5000}/films/a/b/{n}.mkv" for n in range(200_000))
    write_database(tmp_path / "jellyfin.db", paths)
    tracemalloc.start()
    found = check_paths(tmp_path / "jellyfin.db", (MediaRoot("/media"),), (), (), silent)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(group.items for group in found.outside) == 200_000
    assert len(found.outside) <= MOST_GROUPS + 1
    assert most < 1 << 20


def test_media_elsewhere_keep_an_adoption_from_beginning_until_that_is_accepted(tmp_path: Path) -> None:
    old = make(tmp_path / "old", paths=["/mnt/pool/films/a.mkv"])
    (reason,) = look(old, tmp_path / "new").refusals
    assert "1 items lie under no folder" in reason
    assert "--accept-paths" in reason
    assert survey(request(old, tmp_path / "new", accept_paths=True), silent).refusals == ()


@pytest.mark.parametrize("text", ["media", "", "=/x", "/media=/no/such/folder", "/media="])
def test_a_media_option_of_another_form_is_bad_use(text: str) -> None:
    with pytest.raises(UserError, match="expected --media") as refusal:
        parse_media(text)
    assert refusal.value.exit_code == 2


def test_a_media_option_may_name_the_folder_on_this_machine(tmp_path: Path) -> None:
    assert parse_media(f"/media/={tmp_path}") == MediaRoot("/media", tmp_path)
