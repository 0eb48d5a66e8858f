"""Proof that both sides hold the same: read again, in the order of the key, value by value.

Nothing here is shared with the converter: the target's values come in PostgreSQL's binary form and the source's
are read by the standard library, so that a mistake in a rule shows as a difference.
"""

import ctypes
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import zip_longest
from typing import cast
from uuid import UUID

from psycopg import sql

from .plan import ColumnPlan, TablePlan
from .problems import Problems
from .source import quoted
from .target import Connection, TargetColumn, table_identifier

PORTION = 200

# All rows of a table in the order of its key, text ordered by its bytes as SQLite does. No arguments.
READ = "SELECT {columns} FROM {table} ORDER BY {key}"


def prepare(source: sqlite3.Connection) -> None:
    """Give the SQLite side what `verify_table` needs there; once a connection."""
    source.create_function("canonical_guid", 1, _guid_text, deterministic=True)


def verify_table(
    source: sqlite3.Connection,
    connection: Connection,
    plan: TablePlan,
    problems: Problems,
    on_rows: Callable[[int], None],
) -> None:
    """Compare all rows and columns of a table that was copied.

    Args:
        source: the SQLite side, prepared.
        connection: the PostgreSQL side, in the transaction of the copy.
        plan: what went where.
        problems: takes every difference, with table, key and column.
        on_rows: told how many rows were compared since it was last told.
    """
    names = [column.target.name for column in plan.columns]
    keys = [names.index(part.name) for part in plan.key]
    told = 0
    pairs = zip_longest(_source_rows(source, plan), _target_rows(connection, plan))
    for number, (expected, found) in enumerate(pairs, start=1):
        expected_key = None if expected is None else [expected[position] for position in keys]
        found_key = None if found is None else [found[position] for position in keys]
        if expected is None or found is None or expected_key != found_key:
            problems.add(
                f"table {plan.name}: the source has the row {_shown(expected_key)} where the target has "
                f"{_shown(found_key)}"
            )
            return
        if expected != found:
            for name, here, there in zip(names, expected, found, strict=True):
                if here != there:
                    problems.add(
                        f"table {plan.name}, key {_shown(expected_key)}, column {name}: the source has "
                        f"{_shown(here)}, the target {_shown(there)}"
                    )
        if number % PORTION == 0:
            on_rows(number - told)
            told = number
    on_rows(max(plan.rows - told, 0))


def _source_rows(source: sqlite3.Connection, plan: TablePlan) -> Iterator[list[object]]:
    columns = ", ".join(quoted(column.origin) for column in plan.columns)
    order = ", ".join(_source_order(column) for column in plan.key)
    rows = source.execute(f"SELECT {columns} FROM {quoted(plan.name)} ORDER BY {order}")  # noqa: S608
    readers = [_reader(column) for column in plan.columns]
    for row in rows:
        yield [None if value is None else read(value) for read, value in zip(readers, row, strict=True)]


def _source_order(column: TargetColumn) -> str:
    if column.type == "uuid":
        return f"canonical_guid({quoted(column.name)})"
    return f"{quoted(column.name)} COLLATE BINARY"


def _target_rows(connection: Connection, plan: TablePlan) -> Iterator[list[object]]:
    order = [
        sql.SQL('{} COLLATE "C"').format(name) if part.type == "text" else sql.SQL("{}").format(name)
        for part in plan.key
        for name in [sql.Identifier(part.name)]
    ]
    query = sql.SQL(READ).format(
        columns=sql.SQL(", ").join(sql.Identifier(column.target.name) for column in plan.columns),
        table=table_identifier(plan.name),
        key=sql.SQL(", ").join(order),
    )
    with connection.cursor("verification", binary=True) as cursor:
        cursor.itersize = PORTION
        cursor.execute(query)
        for row in cursor:
            yield list(row)


def _reader(column: ColumnPlan) -> Callable[[object], object]:
    """How a value of the source looks once the target's type holds it."""
    if derive := column.derive:
        return lambda value: derive(str(value))
    readers: dict[str, Callable[[object], object]] = {
        "uuid": _guid,
        "timestamp with time zone": _moment,
        "boolean": lambda value: {0: False, 1: True}[cast(int, value)],
        "real": lambda value: ctypes.c_float(cast(float, value)).value,
        "bigint[]": lambda value: json.loads(cast(str, value)),
    }
    return readers.get(column.target.type, lambda value: value)


def _guid(value: object) -> UUID:
    return UUID(bytes_le=value) if isinstance(value, bytes) else UUID(str(value).strip("{}()"))


def _guid_text(value: object) -> str:
    return _guid(value).hex


def _moment(value: object) -> datetime:
    # Digits past the 6th of a second are left out by fromisoformat too.
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return f"({', '.join(str(part) for part in value)})"
    return repr(value)
