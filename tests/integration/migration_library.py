"""Hostile but legal libraries for the migration's tests, and targets to move them into.

Every value is made as a pair: how SQLite stores it, and what PostgreSQL must then hold. The second is never
computed from the first by the code under test.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from jellyfin_ha.lab.mediaserver.database import Database
from jellyfin_ha.lab.mediaserver.new_database import prepare_database
from jellyfin_ha.lab.mediaserver.schema import Column, Model, Table, load_model
from jellyfin_ha.lab.mediaserver.schema.ddl import sqlite_ddl
from jellyfin_ha.lab.mediaserver.settings import DatabaseAddress
from tests.integration.processes import wait_until

Stored = int | float | str | bytes | None
Held = object
Pair = tuple[Stored, Held]

ROWS = 13
OWNER_KEY = 'FOREIGN KEY ("OwnerId") REFERENCES "BaseItems" ("Id")'
FLOAT_0_1 = 0.10000000149011612  # the 32-bit float nearest to 0.1
FLOAT_MAX = 3.4028234663852886e38
FLOAT_LEAST = 1.401298464324817e-45

GUID_FORMS: tuple[Callable[[uuid.UUID], Stored], ...] = (
    lambda guid: str(guid).upper(),
    lambda guid: str(guid),
    lambda guid: guid.hex,
    lambda guid: f"{{{guid}}}",
    lambda guid: f"({str(guid).upper()})",
    lambda guid: guid.bytes_le,
)
WHOLE: dict[str, tuple[int, ...]] = {
    "integer": (0, -1, 2147483647, -2147483648, 7),
    "bigint": (0, 9223372036854775807, -9223372036854775808, 4294967295, 1 << 62),
}
NUMBERS: dict[str, tuple[float, ...]] = {
    "real": (1.5, FLOAT_0_1, float("inf"), float("-inf"), FLOAT_MAX, FLOAT_LEAST),
    "double precision": (0.1, float("inf"), 5e-324, 1.7976931348623157e308, 1 / 3),
}
MOMENTS: tuple[Pair, ...] = (
    ("2026-03-01 12:34:56.1234567", datetime(2026, 3, 1, 12, 34, 56, 123456, UTC)),
    ("0001-01-01 00:00:00", datetime(1, 1, 1, tzinfo=UTC)),
    ("9999-12-31 23:59:59.9999999", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ("2024-02-29 23:59:59.1", datetime(2024, 2, 29, 23, 59, 59, 100000, UTC)),
    ("2020-06-01T10:00:00.5+02:00", datetime(2020, 6, 1, 8, 0, 0, 500000, UTC)),
    ("2026-03-29 02:30:00", datetime(2026, 3, 29, 2, 30, tzinfo=UTC)),
    ("2024-01-01T10:00:00.000001Z", datetime(2024, 1, 1, 10, 0, 0, 1, UTC)),
    ("1969-12-31", datetime(1969, 12, 31, tzinfo=UTC)),
)
# What is held of those with a 7th digit.
CUT = (MOMENTS[0][1], MOMENTS[2][1])
TEXTS = (
    "",
    "plain",
    'O\'Neil "quoted" \\N \\. \\ tab\tline\nreturn\r',
    "żółć 漢字 😀 e\u0301",
    "NULL",
    "{1,2}",
    "long " * 2000,
    " spaces ",
)
BLOBS = (b"", b"\x00\xff\\x00", bytes(range(256)))
TICKS: tuple[Pair, ...] = (
    ("[]", []),
    ("[1,2,3]", [1, 2, 3]),
    ("[-9223372036854775808, 9223372036854775807]", [-9223372036854775808, 9223372036854775807]),
    (f"[{','.join(str(tick) for tick in range(0, 50_000_000, 20_000))}]", list(range(0, 50_000_000, 20_000))),
)


@dataclass(frozen=True)
class Library:
    """A `jellyfin.db` and what PostgreSQL must hold once it is migrated: rows by table, columns by name."""

    path: Path
    held: dict[str, list[dict[str, Held]]]

    @property
    def rows(self) -> int:
        return sum(len(rows) for rows in self.held.values())

    def execute(self, *statements: str) -> None:
        """Change the file, as somebody with the sqlite3 shell would."""
        with sqlite3.connect(self.path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


def make_library(
    path: Path, *, rows: int = ROWS, code_migrations: tuple[str, ...] | None = None, model: Model | None = None
) -> Library:
    """A library with every table and column filled, in every form that a real file may have."""
    model = model or load_model()
    held: dict[str, list[dict[str, Held]]] = {}
    unique = {(index.table, name) for index in model.indexes if index.unique for name in index.columns}
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    for statement in sqlite_ddl(model):
        connection.execute(as_declared(statement))
    history = [(name, "9.0.11") for name in model.sqlite_migrations]
    history += [(name, "10.11.11.0") for name in code_migrations or model.code_migrations]
    connection.executemany('INSERT INTO "__EFMigrationsHistory" VALUES (?, ?)', history)
    for table in model.tables:
        held[table.name] = []
        for number in range(rows):
            pairs = {column.name: _pair(table, column, number, rows, unique) for column in table.columns}
            names = ", ".join(f'"{name}"' for name in pairs)
            marks = ", ".join("?" for _ in pairs)
            connection.execute(
                f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})',  # noqa: S608
                [stored for stored, _ in pairs.values()],
            )
            held[table.name].append({name: value for name, (_, value) in pairs.items()})
    connection.commit()
    connection.close()
    return Library(path, held)


def guid_of(table: str, number: int) -> uuid.UUID:
    """The key of a row of a table whose key is a GUID."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{table}/{number}")


def _pair(table: Table, column: Column, number: int, rows: int, unique: set[tuple[str, str]]) -> Pair:
    position = [other.name for other in table.columns].index(column.name)
    turn = number + position
    distinct = column.key_position is not None or (table.name, column.name) in unique
    for key in table.foreign_keys:
        if key.column == column.name:
            # Parents of items come after their children, so that no order of rows would help.
            parent = (number + 1) % rows if key.ref_table == table.name else number
            return _guid_or_number(column, key.ref_table, parent, turn)
    if distinct and column.pg_type in {"uuid", "integer"}:
        return _guid_or_number(column, table.name, number, turn)
    if column.nullable and turn % 4 == 3:
        return None, None
    return _value(column, turn, f"-{number}" if distinct else "")


def _guid_or_number(column: Column, table: str, number: int, turn: int) -> Pair:
    if column.pg_type == "integer":
        return number + 1, number + 1
    guid = guid_of(table, number)
    return GUID_FORMS[turn % len(GUID_FORMS)](guid), guid


def _value(column: Column, turn: int, ending: str) -> Pair:
    kind = column.pg_type
    if kind == "uuid":
        return _guid_or_number(column, column.name, turn, turn)
    if kind == "timestamp with time zone":
        return MOMENTS[turn % len(MOMENTS)]
    if kind == "boolean":
        return turn % 2, turn % 2 == 1
    if kind == "bigint[]":
        return TICKS[turn % len(TICKS)]
    if kind == "bytea":
        blob = BLOBS[turn % len(BLOBS)]
        return blob, blob
    if kind in WHOLE:
        whole = WHOLE[kind][turn % len(WHOLE[kind])]
        return whole, whole
    if kind in NUMBERS:
        number = NUMBERS[kind][turn % len(NUMBERS[kind])]
        return number, number
    text = TEXTS[turn % len(TEXTS)]
    limit = re.fullmatch(r"character varying\((\d+)\)", kind)
    if limit:
        text = text[: int(limit[1]) - len(ending)]
    return text + ending, text + ending


def make_fresh(conninfo: str, data_dir: Path) -> None:
    """Let the reference server make its schema and first rows in an empty database."""
    parts = conninfo_to_dict(conninfo)
    address = DatabaseAddress(
        host=str(parts["host"]),
        port=int(str(parts["port"])),
        name=str(parts["dbname"]),
        user=str(parts["user"]),
        password=str(parts["password"]),
    )

    async def start() -> None:
        database = Database(address, "a new server")
        await database.open()
        try:
            assert await prepare_database(database, data_dir)
        finally:
            await database.close()

    asyncio.run(start())


def read_rows(conninfo: str, table: str) -> list[dict[str, Held]]:
    """All rows of a table as PostgreSQL holds them, in no order."""
    with psycopg.connect(conninfo, options="-c TimeZone=UTC") as connection:
        return rows_of(connection, table)


def rows_of(connection: psycopg.Connection, table: str) -> list[dict[str, Held]]:
    """The same on a connection of the caller's, whose time zone is UTC."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def as_declared(statement: str) -> str:
    """A statement of the schema with the one key that does not cascade, which only newer versions have."""
    return statement.replace(f"{OWNER_KEY} ON DELETE CASCADE", f"{OWNER_KEY} ON DELETE NO ACTION")


def require_held(conninfo: str, held: dict[str, list[dict[str, Held]]], model: Model | None = None) -> None:
    """Assert that every table holds exactly these rows."""

    def by_key(rows: list[dict[str, Held]], names: tuple[str, ...]) -> dict[object, object]:
        return {tuple(row[name] for name in names): row for row in rows}

    with psycopg.connect(conninfo, options="-c TimeZone=UTC") as connection:
        for table in (model or load_model()).tables:
            found = rows_of(connection, table.name)
            assert by_key(found, table.primary_key) == by_key(held[table.name], table.primary_key), table.name
            assert len(found) == len(held[table.name]), table.name


def state(conninfo: str) -> dict[str, object]:
    """Everything that a migration could change: rows, sequences, keys and indexes, schemas."""
    found: dict[str, object] = {}
    with psycopg.connect(conninfo) as connection:
        tables = [
            str(name) for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        for table in tables:
            query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(table))
            found[table] = connection.execute(query).fetchall()
        sequences = connection.execute("SELECT schemaname, sequencename FROM pg_sequences ORDER BY 1, 2").fetchall()
        for schema, name in cast(list[tuple[str, str]], sequences):
            query = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
            found[f"sequence {name}"] = connection.execute(query).fetchall()
        found["constraints"] = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated"
            " FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        ).fetchall()
        found["indexes"] = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        found["schemas"] = connection.execute("SELECT nspname FROM pg_namespace ORDER BY 1").fetchall()
    return found


def run(conninfo: str, *statements: str) -> None:
    """Execute statements in one transaction."""
    with psycopg.connect(conninfo) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def slow_commit(*, seconds: float) -> str:
    """What makes the commit of a migration take some time, once the record's table is there."""
    return f"""
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON jellyfin_ha.migration DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION slow()"""


def wait_for_commit(target: str) -> None:
    """Until the server is at work on a COMMIT."""
    commits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT'"
    with psycopg.connect(target, autocommit=True) as connection:
        wait_until(lambda: connection.execute(commits).fetchone() == (1,), seconds=20, what="COMMIT")


def wait_until_alone(target: str) -> None:
    """Until PostgreSQL has noticed that its client is gone, and has rolled back."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(target, autocommit=True) as connection:
        wait_until(
            lambda: connection.execute(others).fetchone() == (0,), seconds=20, what="the end of the tool's session"
        )
