"""The sample's jellyfin.db: whole, filled, consistent, and the same each time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from jellyfin_ha.lab.library import SAMPLE_USERS
from jellyfin_ha.lab.library.database import write_database
from jellyfin_ha.lab.library.recipe import CLIPS, FILMS, THEME
from jellyfin_ha.lab.mediaserver.passwords import matches
from jellyfin_ha.lab.mediaserver.schema import load_model


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of the right names; only their sizes matter here."""
    folder = tmp_path_factory.mktemp("media")
    for name in (*(clip.path for clip in CLIPS), THEME):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * 1000)
    return folder


@pytest.fixture(scope="module")
def database(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("database") / "jellyfin.db"
    write_database(path, media)
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def test_every_table_and_every_column_holds_something(database: sqlite3.Connection) -> None:
    empty = [
        f"{table.name}.{column.name}"
        for table in load_model().tables
        for column in table.columns
        if not database.execute(f'SELECT count("{column.name}") FROM "{table.name}"').fetchone()[0]  # noqa: S608
    ]
    assert empty == []


def test_the_history_holds_the_schemas_and_the_servers_own_migrations(database: sqlite3.Connection) -> None:
    model = load_model()
    found = [row[0] for row in database.execute('SELECT "MigrationId" FROM "__EFMigrationsHistory"')]
    assert sorted(found) == sorted([*model.sqlite_migrations, *model.code_migrations])


def test_every_reference_leads_somewhere(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_values_have_the_forms_a_server_writes(database: sqlite3.Connection) -> None:
    for table in load_model().tables:
        for column in table.columns:
            query = f'SELECT DISTINCT "{column.name}" FROM "{table.name}" WHERE "{column.name}" IS NOT NULL'  # noqa: S608
            for (value,) in database.execute(query):
                if column.pg_type == "uuid":
                    assert value == value.upper()
                    assert len(value) == 36
                elif column.pg_type == "boolean":
                    assert value in (0, 1)
                elif column.pg_type == "bigint[]":
                    assert all(isinstance(tick, int) for tick in json.loads(value))


def test_the_users_have_the_passwords_that_are_told(database: sqlite3.Connection) -> None:
    stored = dict(database.execute('SELECT "Username", "Password" FROM "Users"').fetchall())
    assert {user.name for user in SAMPLE_USERS} == set(stored)
    for user in SAMPLE_USERS:
        assert matches(stored[user.name], user.password)


def test_the_paths_are_those_of_the_files_as_servers_see_them(database: sqlite3.Connection, media: Path) -> None:
    query = 'SELECT "Path" FROM "BaseItems" WHERE "MediaType" IS NOT NULL'
    for (path,) in database.execute(query):
        assert (media / path.removeprefix("/media/")).is_file()


def test_all_films_are_long_enough_to_be_resumed() -> None:
    assert len(FILMS) >= 3
    assert all(clip.seconds >= 360 for clip in FILMS)


def test_the_same_rows_are_written_each_time(database: sqlite3.Connection, media: Path, tmp_path: Path) -> None:
    write_database(tmp_path / "again.db", media)
    with sqlite3.connect(tmp_path / "again.db") as again:
        assert list(again.iterdump()) == list(database.iterdump())
