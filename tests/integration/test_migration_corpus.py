"""Whole files that are odd: their keys, their references, their schema, their bytes."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from jellyfin_ha.lab.mediaserver.schema import load_model
from jellyfin_ha.lab.mediaserver.schema.ddl import sqlite_ddl
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import MigrationResult, Options, RefusedError, migrate
from tests.integration.migration_library import (
    GUID_FORMS,
    Held,
    Library,
    guid_of,
    make_library,
    read_rows,
    require_held,
    state,
)

pytestmark = pytest.mark.integration

NOBODY = UUID("0badf00d-0000-0000-0000-000000000000")
PLACEHOLDER = UUID("00000000-0000-0000-0000-000000000001")
MEGABYTE = 1 << 20

Rows = dict[str, list[dict[str, Held]]]


@pytest.fixture
def small(tmp_path: Path) -> Library:
    """A library of few rows, in a folder of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    return make_library(folder / "jellyfin.db", rows=6)


def _refused(library: Library, target: str, options: Options | None = None, *, exit_code: int = 1) -> UserError:
    before = state(target)
    with pytest.raises(UserError) as refusal:
        migrate(library.path, target, options=options)
    assert refusal.value.exit_code == exit_code
    assert state(target) == before
    return refusal.value


def _row(library: Library, table: str, key: object) -> dict[str, Held]:
    (name,) = load_model().table(table).primary_key
    return next(row for row in library.held[table] if row[name] == key)


# Keys and references.


@pytest.mark.parametrize("form", range(len(GUID_FORMS)))
def test_parents_are_found_in_whatever_form_they_are_referred_to(form: int, small: Library, target: str) -> None:
    other = GUID_FORMS[(form + 1) % len(GUID_FORMS)]
    with sqlite3.connect(small.path) as connection:
        for table in load_model().tables:
            references = {key.column for key in table.foreign_keys}
            for column in table.columns:
                if column.pg_type != "uuid":
                    continue
                write = other if column.name in references else GUID_FORMS[form]
                values = connection.execute(f'SELECT DISTINCT "{column.name}" FROM "{table.name}"').fetchall()  # noqa: S608
                for (value,) in values:
                    if value is not None:
                        guid = UUID(bytes_le=value) if isinstance(value, bytes) else UUID(value.strip("{}()"))
                        connection.execute(
                            f'UPDATE "{table.name}" SET "{column.name}" = ? WHERE "{column.name}" = ?',  # noqa: S608
                            (write(guid), value),
                        )
    connection.close()
    migrate(small.path, target)
    require_held(target, small.held)


def test_a_repair_is_listed_under_the_keys_common_form(small: Library, target: str) -> None:
    people = [guid_of("Peoples", number) for number, _ in enumerate(GUID_FORMS)]
    with sqlite3.connect(small.path) as connection:
        for number, form in enumerate(GUID_FORMS):
            connection.execute(
                'UPDATE "Peoples" SET "Id" = ?, "Name" = ? WHERE rowid = ?', (form(people[number]), "a\0b", number + 1)
            )
            _row(small, "Peoples", people[number])["Name"] = "a\ufffdb"
    connection.close()
    result = migrate(small.path, target)
    assert [(repair["table"], repair["key"], repair["rule"]) for repair in result.repairs] == [
        ("Peoples", [str(person)], "nul") for person in people
    ]
    require_held(target, small.held)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("x'610062'", r"a key that would need a repair (nul); found 'a\x00b'"),
        ("x'00'", r"a key that would need a repair (nul); found '\x00'"),
        ("x'61ff'", r"a key that would need a repair (utf-8); found 'a\udcff'"),
    ],
)
def test_a_key_is_never_repaired(stored: str, words: str, small: Library, target: str) -> None:
    columns = {"BaseItemProviders": "ProviderId", "PeopleBaseItemMap": "Role", "UserData": "CustomDataKey"}
    for table, column in columns.items():
        small.execute(f'UPDATE "{table}" SET "{column}" = CAST({stored} AS TEXT) WHERE rowid = 2')  # noqa: S608
    refusal = _refused(small, target, Options(repair=True))
    assert isinstance(refusal, RefusedError)
    for (table, column), problem in zip(columns.items(), refusal.problems, strict=True):
        assert problem.startswith(f"table {table}, key (")
        assert problem.endswith(f", column {column}: {words}")


SAME_KEYS = {
    "Peoples": """INSERT INTO "Peoples" ("Id", "Name")
                  SELECT lower(replace(replace("Id", '{', ''), '}', '')) || '', 'twin' FROM "Peoples"
                   WHERE typeof("Id") = 'text' AND "Id" <> lower(replace(replace("Id", '{', ''), '}', '')) LIMIT 1""",
    "Users": """UPDATE "Users" SET "Username" = CASE rowid WHEN 1 THEN CAST(x'61ff' AS TEXT)
                ELSE 'a' || char(65533) END WHERE rowid < 3""",
    "ApiKeys": """UPDATE "ApiKeys" SET "AccessToken" = CASE "Id" WHEN 1 THEN 'a' || char(0)
                  ELSE 'a' || char(65533) END WHERE "Id" < 3""",
}


@pytest.mark.parametrize("table", SAME_KEYS)
def test_rows_that_become_one_are_refused_with_the_table_and_the_key(table: str, small: Library, target: str) -> None:
    small.execute(SAME_KEYS[table])
    words = str(_refused(small, target, Options(repair=True)))
    assert f"refuses a row of table {table}: Key (" in words
    assert "is duplicated" in words


def test_rows_that_become_one_do_not_hide_what_else_does_not_fit(small: Library, target: str) -> None:
    small.execute(SAME_KEYS["Peoples"], """UPDATE "Users" SET "MaxActiveSessions" = 'many' WHERE rowid = 1""")
    assert "column MaxActiveSessions: not a whole number; found 'many'" in str(_refused(small, target))


def test_the_highest_and_the_lowest_number_may_be_keys(small: Library, target: str) -> None:
    small.execute(
        'UPDATE "DeviceOptions" SET "Id" = 2147483647 WHERE "Id" = 6',
        'UPDATE "DeviceOptions" SET "Id" = -2147483648 WHERE "Id" = 5',
        """UPDATE "sqlite_sequence" SET "seq" = 9223372036854775807 WHERE "name" = 'ApiKeys'""",
        """UPDATE "sqlite_sequence" SET "seq" = 'many' WHERE "name" = 'Devices'""",
        """UPDATE "sqlite_sequence" SET "seq" = NULL WHERE "name" = 'ActivityLogs'""",
        """INSERT INTO "sqlite_sequence" VALUES ('Nowhere', 5)""",
    )
    _row(small, "DeviceOptions", 6)["Id"] = 2147483647
    _row(small, "DeviceOptions", 5)["Id"] = -2147483648
    migrate(small.path, target)
    require_held(target, small.held)
    # Full: a new row is refused, and none is overwritten.
    with psycopg.connect(target) as connection, pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("""INSERT INTO "DeviceOptions" ("DeviceId") VALUES ('next')""")


def _child(connection: sqlite3.Connection, row: int, parent: UUID | None) -> None:
    connection.execute(
        'UPDATE "BaseItems" SET "ParentId" = ? WHERE rowid = ?', (parent and str(parent).upper(), row + 1)
    )


PARENTS: dict[str, list[int | None]] = {
    "its own parent": [0, 1, 2, 3, 4, 5],
    "each the other's": [1, 0, 3, 2, 5, 4],
    "a ring": [1, 2, 3, 4, 5, 0],
    "children first": [1, 2, 3, 4, 5, None],
    "parents first": [None, 0, 1, 2, 3, 4],
    "none": [None] * 6,
}


@pytest.mark.parametrize("shape", PARENTS)
def test_items_may_have_any_parents(shape: str, small: Library, target: str) -> None:
    with sqlite3.connect(small.path) as connection:
        for row, place in enumerate(PARENTS[shape]):
            parent = None if place is None else guid_of("BaseItems", place)
            _child(connection, row, parent)
            _row(small, "BaseItems", guid_of("BaseItems", row))["ParentId"] = parent
    connection.close()
    migrate(small.path, target)
    require_held(target, small.held)


def test_a_chain_of_items_may_be_deep(small: Library, target: str) -> None:
    deep = 1000
    with sqlite3.connect(small.path) as connection:
        names = ", ".join(
            f'"{c.name}"' for c in load_model().table("BaseItems").columns if c.name not in ("Id", "ParentId")
        )
        connection.executemany(
            f"""INSERT INTO "BaseItems" ("Id", "ParentId", {names})
                SELECT ?, ?, {names} FROM "BaseItems" WHERE rowid = 1""",  # noqa: S608
            [(str(guid_of("Deep", n)).upper(), str(guid_of("Deep", n + 1)).upper()) for n in range(deep)],
        )
        connection.execute(
            'UPDATE "BaseItems" SET "ParentId" = NULL WHERE "ParentId" = ?', (str(guid_of("Deep", deep)).upper(),)
        )
    connection.close()
    assert migrate(small.path, target).rows == small.rows + deep


def _placeholder(small: Library, name: str) -> None:
    columns = [c for c in load_model().table("BaseItems").columns if c.name not in ("Id", "Name", "ParentId")]
    names = ", ".join(f'"{column.name}"' for column in columns)
    small.execute(
        f"""INSERT INTO "BaseItems" ("Id", "Name", {names})
            SELECT '{str(PLACEHOLDER).upper()}', '{name}', {names} FROM "BaseItems" WHERE rowid = 1"""  # noqa: S608
    )
    row = dict(_row(small, "BaseItems", guid_of("BaseItems", 0)))
    small.held["BaseItems"].append(row | {"Id": PLACEHOLDER, "Name": name, "ParentId": None})


def test_the_placeholder_is_the_sources_own(small: Library, target: str) -> None:
    _placeholder(small, "changed")
    small.execute(f"""UPDATE "UserData" SET "ItemId" = '{PLACEHOLDER}' WHERE rowid = 2""")  # noqa: S608
    detached = small.held["UserData"][1]
    detached["ItemId"] = PLACEHOLDER
    migrate(small.path, target)
    require_held(target, small.held)


def test_no_placeholder_is_made_up(small: Library, target: str) -> None:
    assert PLACEHOLDER in {row["Id"] for row in read_rows(target, "BaseItems")}
    migrate(small.path, target)
    require_held(target, small.held)


# References that lead nowhere.

FOREIGN_KEYS = [key for table in load_model().tables for key in table.foreign_keys]


def _break(library: Library, *, keys: list[int]) -> None:
    """One reference of each foreign key leads nowhere, each in a row of its own."""
    with sqlite3.connect(library.path) as connection:
        used: dict[str, int] = {}
        for number in keys:
            key = FOREIGN_KEYS[number]
            place = used[key.table] = used.get(key.table, -1) + 1
            row = library.held[key.table][place]
            nowhere: Held = NOBODY if isinstance(row[key.column], UUID | None) else 999
            stored = str(nowhere) if isinstance(nowhere, UUID) else nowhere
            connection.execute(
                f'UPDATE "{key.table}" SET "{key.column}" = ? WHERE rowid IN'  # noqa: S608
                f' (SELECT rowid FROM "{key.table}" ORDER BY rowid LIMIT 1 OFFSET ?)',
                (stored, place),
            )
            row[key.column] = nowhere
    connection.close()


def _mended(held: Rows) -> tuple[Rows, set[tuple[str, tuple[Held, ...], str | None]]]:
    """What is left when every reference must lead somewhere, and what that took."""
    model = load_model()
    rows: Rows = {table: [dict(row) for row in found] for table, found in held.items()}
    mended: set[tuple[str, tuple[Held, ...], str | None]] = set()
    changed = True
    while changed:
        changed = False
        for key in FOREIGN_KEYS:
            table = model.table(key.table)
            there = {row[key.ref_column] for row in rows[key.ref_table]}
            nullable = next(column.nullable for column in table.columns if column.name == key.column)
            for row in [row for row in rows[key.table] if row[key.column] not in (None, *there)]:
                changed = True
                place = tuple(row[name] for name in table.primary_key)
                mended.add((key.table, place, key.column if nullable else None))
                if nullable:
                    row[key.column] = None
                else:
                    rows[key.table].remove(row)
    return rows, mended


def _listed(result: MigrationResult) -> set[tuple[str, tuple[Held, ...], str | None]]:
    kinds = {(c.table, c.name): c.pg_type for table in load_model().tables for c in table.columns}
    found: set[tuple[str, tuple[Held, ...], str | None]] = set()
    for repair in result.repairs:
        table = str(repair["table"])
        names, key = load_model().table(table).primary_key, repair["key"]
        assert isinstance(key, list)
        place = tuple(
            UUID(part) if kinds[table, name] == "uuid" else part for name, part in zip(names, key, strict=True)
        )
        column = repair["column"]
        assert repair["rule"] == ("left out" if column is None else "cleared")
        assert repair["became"] is None
        found.add((table, place, None if column is None else str(column)))
    return found


def test_a_broken_reference_of_every_foreign_key_is_named(small: Library, target: str) -> None:
    assert len(FOREIGN_KEYS) == 25
    _break(small, keys=list(range(25)))
    refusal = _refused(small, target)
    assert isinstance(refusal, RefusedError)
    named = [
        (key, text)
        for key in FOREIGN_KEYS
        for text in refusal.problems
        if text.startswith(f"table {key.table}, key (") and f", column {key.column}: refers to " in text
    ]
    assert {key for key, _ in named} == set(FOREIGN_KEYS)
    assert all(text.endswith(f"which {key.ref_table} does not have") for key, text in named)


def _require_mended(library: Library, target: str) -> None:
    held, mended = _mended(library.held)
    result = migrate(library.path, target, options=Options(repair=True))
    require_held(target, held)
    assert _listed(result) == mended
    assert len(result.repairs) == len(mended)
    assert result.rows_by_table == {table: len(rows) for table, rows in held.items()}
    whole = {(table, tuple(map(str, place))) for table, place, column in mended if column is None}
    for repair in result.repairs:
        if repair["column"] is not None:
            continue
        row = json.loads(str(repair["found"]))
        table = load_model().table(str(repair["table"]))
        assert set(row) == {column.name for column in table.columns}
        assert (table.name, tuple(str(row[name]) for name in table.primary_key)) in whole


def test_a_broken_reference_of_every_foreign_key_is_mended_on_request(small: Library, target: str) -> None:
    _break(small, keys=list(range(25)))
    _require_mended(small, target)


GONE = {
    "a user": ("Users", 2),
    "an item": ("BaseItems", 3),
    "a person": ("Peoples", 1),
    "settings of a view": ("DisplayPreferences", 4),
    "a value": ("ItemValues", 0),
}


@pytest.mark.parametrize("gone", GONE)
def test_all_that_hung_on_a_row_that_is_gone_is_mended_to_the_last_level(
    gone: str, small: Library, target: str
) -> None:
    table, place = GONE[gone]
    small.execute(f'DELETE FROM "{table}" WHERE rowid = {place + 1}')  # noqa: S608
    del small.held[table][place]
    _require_mended(small, target)


def test_a_table_whose_every_row_led_nowhere_ends_empty(small: Library, target: str) -> None:
    for table in ("Users", "BaseItems"):
        small.execute(f'DELETE FROM "{table}"')  # noqa: S608
        small.held[table].clear()
    _require_mended(small, target)
    assert read_rows(target, "UserData") == []


def test_rows_that_are_read_by_key_may_have_any_text_in_it(small: Library, target: str) -> None:
    """A row that is left out makes both sides be read in the order of the key."""
    keys = [
        "b",
        "A",
        "a",
        "B",
        "é",
        "e\u0301",
        "Z",
        "_",
        " ",
        "",
        "\uffff",
        "😀",
        "\U0010ffff",
        "\ue000",
        "ß",
        "ss",
        "\t",
    ]
    with sqlite3.connect(small.path) as connection:
        _remake(
            connection,
            "BaseItemProviders",
            lambda sql: sql.replace('"ProviderId" TEXT', '"ProviderId" TEXT COLLATE RTRIM'),
        )
        connection.execute('DELETE FROM "BaseItemProviders"')
        small.held["BaseItemProviders"].clear()
        item = guid_of("BaseItems", 1)
        for key in keys:
            connection.execute('INSERT INTO "BaseItemProviders" VALUES (?, ?, ?)', (str(item), f"{key}x", "v"))
            small.held["BaseItemProviders"].append({"ItemId": item, "ProviderId": f"{key}x", "ProviderValue": "v"})
        connection.execute('INSERT INTO "BaseItemProviders" VALUES (?, ?, ?)', (str(NOBODY), "x", "v"))
        small.held["BaseItemProviders"].append({"ItemId": NOBODY, "ProviderId": "x", "ProviderValue": "v"})
        _remake(
            connection,
            "BaseItemProviders",
            lambda sql: sql.replace("COLLATE RTRIM", "COLLATE NOCASE").replace(
                'CONSTRAINT "PK_BaseItemProviders" PRIMARY KEY ("ItemId", "ProviderId"), ', ""
            ),
        )
    connection.close()
    _require_mended(small, target)


# The file and its schema.


def _remake(connection: sqlite3.Connection, table: str, change: Callable[[str], str]) -> None:
    """The same rows in a table that was declared otherwise."""
    connection.execute("PRAGMA legacy_alter_table = ON")
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    columns = ", ".join(f'"{column.name}"' for column in load_model().table(table).columns)
    connection.execute(f'ALTER TABLE "{table}" RENAME TO "old"')
    connection.execute(change(str(sql)))
    connection.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM "old"')  # noqa: S608
    connection.execute('DROP TABLE "old"')


def _every(change: Callable[[str], str]) -> Callable[[sqlite3.Connection], None]:
    def remake(connection: sqlite3.Connection) -> None:
        for table in load_model().tables:
            _remake(connection, table.name, change)

    return remake


def _untyped(sql: str) -> str:
    for kind in ("TEXT", "REAL", "BLOB"):
        sql = sql.replace(f'" {kind}', '"')
    return sql.replace('" INTEGER NOT NULL,', '" NOT NULL,').replace('" INTEGER,', '",')


def _foreign_types(sql: str) -> str:
    return (
        sql.replace('" TEXT', '" NVARCHAR(7)').replace('" REAL', '" DOUBLE PRECISION').replace('" BLOB', '" LONGBLOB')
    )


def _reversed(connection: sqlite3.Connection) -> None:
    for table in load_model().tables:
        columns = [f'"{c.name}" {c.sqlite_type}' for c in reversed(table.columns)]
        key = ", ".join(f'"{name}"' for name in table.primary_key)
        _remake(
            connection,
            table.name,
            lambda _, name=table.name, parts=columns, key=key: (
                f'CREATE TABLE "{name}" ({", ".join(parts)}, PRIMARY KEY ({key}))'
            ),
        )


def _without_rowid(connection: sqlite3.Connection) -> None:
    for table in load_model().tables:
        if (
            "AUTOINCREMENT"
            not in connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table.name,)).fetchone()[0]
        ):
            _remake(connection, table.name, lambda sql: f"{sql} WITHOUT ROWID")


def _things_of_others(connection: sqlite3.Connection) -> None:
    connection.executescript("""
        CREATE INDEX "mine" ON "BaseItems" ("Name" COLLATE NOCASE) WHERE "Name" IS NOT NULL;
        CREATE INDEX "computed" ON "BaseItems" (lower("Name"));
        CREATE VIEW "Everything" AS SELECT * FROM "BaseItems" JOIN "UserData";
        CREATE VIEW "broken" AS SELECT * FROM "NoSuchTable";
        CREATE TRIGGER "meddle" AFTER UPDATE ON "Users" BEGIN DELETE FROM "Users"; END;
        CREATE TABLE "empty of mine" ("a ""quoted"" name" TEXT);
        PRAGMA user_version = 7;
        PRAGMA application_id = 99;
    """)


def _statistics(connection: sqlite3.Connection) -> None:
    connection.executescript("""
        ANALYZE;
        CREATE TABLE "stat4" (tbl, idx, neq, nlt, ndlt, sample);
        INSERT INTO "stat4" VALUES ('Users', 'x', '1', '1', '1', x'00');
        PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET name = 'sqlite_stat4', tbl_name = 'sqlite_stat4',
               sql = 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)' WHERE name = 'stat4';
        PRAGMA writable_schema = OFF;
    """)


def _settings(*pragmas: str) -> Callable[[sqlite3.Connection], None]:
    def change(connection: sqlite3.Connection) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("VACUUM")

    return change


def _loose_pages(connection: sqlite3.Connection) -> None:
    """Pages that no table uses any more."""
    connection.execute('CREATE TABLE "filler" AS SELECT zeroblob(100000) FROM "Users"')
    connection.execute('DROP TABLE "filler"')


FILES: dict[str, Callable[[sqlite3.Connection], None]] = {
    "columns without a type": _every(_untyped),
    "columns of other types": _every(_foreign_types),
    "columns in another order, without any constraint": _reversed,
    "tables without row numbers": _without_rowid,
    "indexes, views, triggers and an empty table of somebody's own": _things_of_others,
    "statistics": _statistics,
    "pages of 512 bytes": _settings("page_size = 512"),
    "pages of 65536 bytes": _settings("page_size = 65536"),
    "auto_vacuum": _settings("auto_vacuum = FULL"),
    "incremental auto_vacuum": _settings("auto_vacuum = INCREMENTAL"),
    "an old schema format": _settings("legacy_file_format = ON", "page_size = 1024"),
    "free pages": _loose_pages,
    "a write-ahead log that was moved into the file": _settings("journal_mode = WAL", "wal_checkpoint(TRUNCATE)"),
}


@pytest.mark.parametrize("form", FILES)
def test_the_content_arrives_whatever_the_file_is_like(form: str, small: Library, target: str) -> None:
    connection = sqlite3.connect(small.path, isolation_level=None)
    FILES[form](connection)
    connection.close()
    result = migrate(small.path, target)
    require_held(target, small.held)
    assert result.repairs == ()


def test_a_generated_column_of_the_server_is_read(small: Library, target: str) -> None:
    with sqlite3.connect(small.path) as connection:
        connection.execute('DROP INDEX "IX_Users_NormalizedUsername"')
        connection.execute('ALTER TABLE "Users" DROP COLUMN "NormalizedUsername"')
        connection.execute(
            """ALTER TABLE "Users" ADD COLUMN "NormalizedUsername" TEXT AS ('<' || "Username" || '>') VIRTUAL"""
        )
        connection.execute('ALTER TABLE "Users" ADD COLUMN "Twice" TEXT AS ("Username" || "Username") VIRTUAL')
    connection.close()
    for row in small.held["Users"]:
        row["NormalizedUsername"] = f"<{row['Username']}>"
    assert migrate(small.path, target).differences == ("column Users.Twice: only in the source",)
    require_held(target, small.held)


def test_a_view_in_the_place_of_a_table_is_refused(small: Library, target: str) -> None:
    small.execute(
        'ALTER TABLE "Chapters" RENAME TO "ChapterRows"', 'CREATE VIEW "Chapters" AS SELECT * FROM "ChapterRows"'
    )
    words = str(_refused(small, target))
    assert "table Chapters: a view in the source" in words
    assert "table ChapterRows: only in the source, 6 rows" in words


def test_a_table_of_somebodys_own_with_rows_is_refused(small: Library, target: str) -> None:
    small.execute('CREATE TABLE "my ""own" ("x")', 'INSERT INTO "my ""own" VALUES (1)')
    assert 'table my "own: only in the source, 1 rows' in str(_refused(small, target))


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_a_file_in_another_encoding_is_refused(encoding: str, small: Library, target: str) -> None:
    """SQLite would change broken text while it translates, and nobody could tell."""
    other = small.path.with_name("other.db")
    connection = sqlite3.connect(other)
    connection.execute(f"PRAGMA encoding = '{encoding}'")
    for statement in sqlite_ddl(load_model()):
        connection.execute(statement)
    connection.close()
    words = str(_refused(Library(other, small.held), target, exit_code=2))
    assert f"expected text in UTF-8, as servers write it, found {encoding}" in words


def test_a_log_that_was_copied_without_its_index_is_read(small: Library, target: str, tmp_path: Path) -> None:
    writer = sqlite3.connect(small.path)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("""UPDATE "Users" SET "CastReceiverId" = 'from the log'""")
        writer.commit()
        # Pages of a transaction that never ends: too many for the cache, so they lie in the log.
        writer.execute("PRAGMA cache_size = 1")
        size = small.path.with_name("jellyfin.db-wal").stat().st_size
        writer.execute("""UPDATE "BaseItems" SET "Overview" = printf('%.*c', 50000, 'x'), "Name" = 'never'""")
        assert small.path.with_name("jellyfin.db-wal").stat().st_size > size
        folder = tmp_path / "copied"
        folder.mkdir()
        for name in ("jellyfin.db", "jellyfin.db-wal"):
            shutil.copy(small.path.with_name(name), folder / name)
        writer.rollback()
    finally:
        writer.close()
    migrate(folder / "jellyfin.db", target)
    for row in small.held["Users"]:
        row["CastReceiverId"] = "from the log"
    require_held(target, small.held)


def test_a_log_of_another_file_changes_nothing_unseen(small: Library, target: str, tmp_path: Path) -> None:
    """SQLite leaves out frames whose checksum is wrong; what is left is read, whole."""
    writer = sqlite3.connect(small.path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("""UPDATE "Users" SET "CastReceiverId" = 'from the log'""")
    writer.commit()
    folder = tmp_path / "copied"
    folder.mkdir()
    shutil.copy(small.path, folder / "jellyfin.db")
    log = small.path.with_name("jellyfin.db-wal").read_bytes()
    writer.close()
    (folder / "jellyfin.db-wal").write_bytes(log[:60] + b"\xff" * 8 + log[68:])
    migrate(folder / "jellyfin.db", target)
    require_held(target, small.held)


PEAK = """
import resource, sys
from pathlib import Path
from jellyfin_ha.operations.migration import migrate
migrate(Path(sys.argv[1]), sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_cell_may_be_huge(small: Library, target: str) -> None:
    text = "żółć\\N\t😀\n" * (20 * MEGABYTE // 20)
    with sqlite3.connect(small.path) as connection:
        connection.execute('UPDATE "BaseItems" SET "Overview" = ? WHERE rowid = 3', (text,))
    connection.close()
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(small.path), target], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(done.stdout) < 400, "megabytes"
    _row(small, "BaseItems", guid_of("BaseItems", 2))["Overview"] = text
    require_held(target, small.held)


def test_text_too_long_for_an_index_is_refused_with_the_table_and_the_key(small: Library, target: str) -> None:
    person = guid_of("Peoples", 2)
    noise = os.urandom(8192).hex()
    small.execute(f"""UPDATE "Peoples" SET "Name" = '{noise}' WHERE rowid = 3""")  # noqa: S608
    words = str(_refused(small, target))
    assert f"table Peoples, key ({person}), column Name: " in words
    assert "longer than an index of the target can hold" in words


@pytest.mark.parametrize("stored", ["x'61ff'", "'a' || char(0)"])
def test_a_user_name_that_is_repaired_is_normalized_too(stored: str, small: Library, target: str) -> None:
    small.execute(
        'DROP INDEX "IX_Users_NormalizedUsername"',
        'ALTER TABLE "Users" DROP COLUMN "NormalizedUsername"',
        f'UPDATE "Users" SET "Username" = CAST({stored} AS TEXT) WHERE rowid = 2',  # noqa: S608
    )
    result = migrate(small.path, target)
    assert ("a\ufffd", "A\ufffd") in [
        (row["Username"], row["NormalizedUsername"]) for row in read_rows(target, "Users")
    ]
    assert {repair["column"] for repair in result.repairs} == {"Username", "NormalizedUsername"}


def test_a_client_encoding_of_the_role_changes_nothing(small: Library, target: str) -> None:
    with psycopg.connect(target) as connection:
        connection.execute("ALTER ROLE CURRENT_USER SET client_encoding = 'LATIN1'")
    try:
        migrate(small.path, target)
    finally:
        with psycopg.connect(target) as connection:
            connection.execute("ALTER ROLE CURRENT_USER RESET ALL")
    require_held(target, small.held)
