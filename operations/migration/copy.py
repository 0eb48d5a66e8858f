"""The copy of one table: read in portions, converted, sent by COPY."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from psycopg import sql

from .convert import SourceValue, TargetValue, UnfitError
from .plan import ColumnPlan, TablePlan
from .problems import Problems
from .source import quoted
from .target import Connection, table_identifier

# Rows in memory at once; the widest rows (key frames) are some 10 kB.
PORTION = 200
SHOWN_CHARACTERS = 60

# Empties tables. No arguments, no results.
TRUNCATE = "TRUNCATE TABLE {tables}"
# Takes rows in PostgreSQL's text format.
COPY = "COPY {table} ({columns}) FROM STDIN"


def truncate(connection: Connection, tables: Iterable[str]) -> None:
    """Empty tables, in one statement, since they may refer to each other."""
    names = sql.SQL(", ").join(table_identifier(table) for table in tables)
    connection.execute(sql.SQL(TRUNCATE).format(tables=names))


def copy_table(
    source: sqlite3.Connection,
    connection: Connection,
    plan: TablePlan,
    problems: Problems,
    on_rows: Callable[[int], None],
) -> int:
    """Copy every row of a table.

    Args:
        source: the SQLite side.
        connection: the PostgreSQL side.
        plan: what goes where.
        problems: takes the values that do not fit; their rows are left out, and the caller must not commit.
        on_rows: told how many rows were read since it was last told.

    Returns:
        How many rows were sent.
    """
    origins = ", ".join(quoted(column.origin) for column in plan.columns)
    rows = source.execute(f"SELECT {origins} FROM {quoted(plan.name)}")  # noqa: S608
    statement = sql.SQL(COPY).format(
        table=table_identifier(plan.name),
        columns=sql.SQL(", ").join(sql.Identifier(column.target.name) for column in plan.columns),
    )
    sent = 0
    with connection.cursor() as cursor, cursor.copy(statement) as sink:
        while portion := rows.fetchmany(PORTION):
            for row in portion:
                converted = _convert(plan, row, problems)
                if converted is not None:
                    sink.write_row(converted)
                    sent += 1
            on_rows(len(portion))
    return sent


def _convert(plan: TablePlan, row: Sequence[SourceValue], problems: Problems) -> list[TargetValue] | None:
    try:
        return [_value(column, value) for column, value in zip(plan.columns, row, strict=True)]
    except UnfitError:
        key = ", ".join(
            _form(value)
            for part in plan.key
            for column, value in zip(plan.columns, row, strict=True)
            if column.target.name == part.name
        )
        for column, value in zip(plan.columns, row, strict=True):
            try:
                _value(column, value)
            except UnfitError as error:
                problems.add(
                    f"table {plan.name}, key ({key}), column {column.target.name}: {error}; found {_form(value)}"
                )
        return None


def _value(column: ColumnPlan, value: SourceValue) -> TargetValue:
    if column.derive is not None and isinstance(value, str):
        value = column.derive(value)
    return column.convert(value)


def _form(value: SourceValue) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
