"""What is no Jellyfin database is told from what is, quickly and without a trace."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import check_source

from .old_server import as_nobody, in_child

TABLES = ('"BaseItems" (a)', '"Users" (a)', '"__EFMigrationsHistory" (a)')


def _database(path: Path, *tables: str) -> Path:
    connection = sqlite3.connect(path)
    for table in tables:
        connection.execute(f"CREATE TABLE {table}")
    connection.commit()
    connection.close()
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(UserError) as refusal:
        check_source(path)
    assert refusal.value.exit_code == 2
    return str(refusal.value)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    words = _refusal(tmp_path / "jellyfin.db")
    assert "jellyfin.db: No such file or directory" in words
    assert "Give the path of the old server's data/jellyfin.db" in words


def test_a_folder_is_bad_input(tmp_path: Path) -> None:
    assert "Is a directory" in _refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"SQLite format 2\0"])
def test_a_file_that_is_not_sqlite_is_bad_input(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "jellyfin.db"
    path.write_bytes(content)
    assert "is not a SQLite database" in _refusal(path)


def test_a_truncated_sqlite_file_is_bad_input(tmp_path: Path) -> None:
    path = _database(tmp_path / "jellyfin.db", *TABLES)
    path.write_bytes(path.read_bytes()[:5000])
    assert "SQLite cannot read" in _refusal(path)


def test_another_programs_database_is_bad_input(tmp_path: Path) -> None:
    words = _refusal(_database(tmp_path / "library.db", '"Users" (a)', '"TypedBaseItems" (a)'))
    assert "it has no table BaseItems, __EFMigrationsHistory" in words
    assert "10.11 or later" in words


def test_an_unfinished_write_is_told(tmp_path: Path) -> None:
    path = _database(tmp_path / "jellyfin.db", *TABLES)
    path.with_name("jellyfin.db-journal").write_bytes(b"\xd9\xd5\x05\xf9")
    assert "a write that never finished" in _refusal(path)


def test_the_fingerprint_follows_the_content_and_nothing_else(tmp_path: Path) -> None:
    first = _database(tmp_path / "jellyfin.db", *TABLES)
    copy = tmp_path / "copy of it #1?.db"
    copy.write_bytes(first.read_bytes())

    mark = check_source(first)

    assert mark.startswith("sha256:")
    assert len(mark) == len("sha256:") + 64
    assert check_source(first) == mark == check_source(copy)
    with sqlite3.connect(copy) as connection:
        connection.execute('INSERT INTO "Users" VALUES (1)')
    connection.close()
    assert check_source(copy) != mark


def test_rows_in_the_write_ahead_log_count_for_the_fingerprint(tmp_path: Path) -> None:
    path = _database(tmp_path / "jellyfin.db", *TABLES)
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    before = check_source(path)
    writer.execute('INSERT INTO "Users" VALUES (1)')
    writer.commit()
    assert check_source(path) != before
    writer.close()


@pytest.mark.parametrize("shm", [False, True])
def test_a_log_in_a_folder_that_cannot_be_written_is_told_with_what_to_do(shm: bool, public: Path) -> None:
    old, backup = public / "old", public / "backup"
    old.mkdir()
    path = _database(old / "jellyfin.db", *TABLES)
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute('INSERT INTO "Users" VALUES (1)')
    writer.commit()
    backup.mkdir()
    for suffix in ("", "-wal", *(["-shm"] if shm else [])):
        shutil.copy(f"{path}{suffix}", backup)
    writer.close()
    backup.chmod(0o555)
    copied = backup / "jellyfin.db"

    def looked() -> None:
        as_nobody()
        if shm:
            check_source(copied)
            return
        words = _refusal(copied)
        assert "unable to open database file" not in words
        assert f"expected a folder that can be written to around {copied}, whose log holds its latest rows" in words
        assert "Copy jellyfin.db together with jellyfin.db-wal into another folder" in words

    assert in_child(looked) == 0
    assert check_source(copied) == check_source(path), "root may write there"


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    path = _database(tmp_path / "jellyfin.db", *TABLES)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    before = [(found.name, found.stat().st_mtime_ns) for found in tmp_path.iterdir()]

    check_source(path)

    assert [(found.name, found.stat().st_mtime_ns) for found in tmp_path.iterdir()] == before
