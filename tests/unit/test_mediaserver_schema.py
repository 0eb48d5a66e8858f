"""The schema of Jellyfin 10.11.11 in both engines."""

from __future__ import annotations

import sqlite3

from jellyfin_ha.lab.mediaserver.schema import load_model
from jellyfin_ha.lab.mediaserver.schema.ddl import POSTGRES_NAME_LENGTH, postgres_ddl, sqlite_ddl
from jellyfin_ha.lab.mediaserver.schema.identifiers import item_id, md5_guid


def test_the_model_is_whole() -> None:
    model = load_model()
    assert len(model.tables) == 30
    assert sum(len(table.columns) for table in model.tables) == 309
    assert sum(len(table.foreign_keys) for table in model.tables) == 25
    assert len(model.code_migrations) == 33
    assert len(model.sqlite_migrations) == 38
    assert len(model.postgres_migrations) == 6


def test_parents_stand_before_their_children() -> None:
    seen: set[str] = set()
    for table in load_model().tables:
        seen.add(table.name)
        assert {key.ref_table for key in table.foreign_keys} <= seen


def test_sqlite_takes_the_ddl_and_says_what_the_model_says() -> None:
    model = load_model()
    with sqlite3.connect(":memory:") as connection:
        for statement in sqlite_ddl(model):
            connection.execute(statement)
        for table in model.tables:
            rows = connection.execute(f'PRAGMA table_info("{table.name}")').fetchall()
            found = {(name, kind, bool(required), key) for _, name, kind, required, _, key in rows}
            assert found == {(c.name, c.sqlite_type, not c.nullable, c.key_position or 0) for c in table.columns}
            keys = connection.execute(f'PRAGMA foreign_key_list("{table.name}")').fetchall()
            assert {(row[3], row[2], row[4], row[6]) for row in keys} == {
                (key.column, key.ref_table, key.ref_column, "CASCADE") for key in table.foreign_keys
            }
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        assert {index.name for index in model.indexes} <= names


def test_postgresql_names_are_cut_as_entity_framework_cuts_them_and_stay_unique() -> None:
    names = [s.split('"')[1] for s in postgres_ddl(load_model()) if " INDEX " in s]
    assert len(set(names)) == len(names)
    assert max(len(name) for name in names) == POSTGRES_NAME_LENGTH
    assert "IX_BaseItems_Type_TopParentId_IsVirtualItem_PresentationUnique~" in names


def test_item_ids_do_not_depend_on_where_the_data_folder_lies() -> None:
    assert item_id("T", "/config/root", "/config") == item_id("T", "/data/root", "/data") == md5_guid("Troot")
