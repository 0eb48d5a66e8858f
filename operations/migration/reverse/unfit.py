"""Values that PostgreSQL holds and no server's SQLite file can: found before anything is written."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from psycopg import sql

from ..plan import TablePlan
from ..problems import Problems
from ..session import Connection, stream
from ..target import TargetColumn, as_text, table_identifier

# Rows with a value that does not fit. No arguments.
# Rows: the row's primary key as text, then for each column its value as text, or null where it fits.
READ = "SELECT {key}, {found} FROM {table} WHERE {unfit}"
# One of these columns.
FOUND = "CASE WHEN {unfit} THEN {column}::text END"


@dataclass(frozen=True)
class _Rule:
    """What a type holds too much, as a condition of PostgreSQL's SQL on the column `{c}`, and why it does not fit."""

    unfit: str
    reason: str


# The infinities have a form of their own.
_MOMENT = _Rule(
    "(isfinite({c}) AND ({c} < '0001-01-01 00:00:00+00' OR {c} >= '10000-01-01 00:00:00+00'))",
    "not a moment of the years 1 to 9999",
)
_NUMBER = _Rule("({c} = 'NaN')", "a number that SQLite does not have")
_RULES: Mapping[str, _Rule] = {
    "timestamp with time zone": _MOMENT,
    "real": _NUMBER,
    "double precision": _NUMBER,
}


def require_fit(connection: Connection, tables: Iterable[TablePlan]) -> None:
    """See that a file can hold every value.

    Raises:
        RefusedError: names each other value with table, key and column.
    """
    problems = Problems()
    for table in tables:
        columns = [column.target for column in table.columns if column.target.type in _RULES]
        if columns:
            _find(connection, table, columns, problems)
    if problems:
        raise problems.error(
            "PostgreSQL holds what a file of SQLite cannot; nothing was written",
            "Change these values in PostgreSQL, with the servers stopped, and try again.",
        )


def _find(connection: Connection, table: TablePlan, columns: list[TargetColumn], problems: Problems) -> None:
    query = sql.SQL(READ).format(
        key=as_text(sql.Identifier(column.name) for column in table.key),
        found=sql.SQL(", ").join(
            sql.SQL(FOUND).format(unfit=_unfit(column), column=sql.Identifier(column.name)) for column in columns
        ),
        table=table_identifier(table.name),
        unfit=sql.SQL(" OR ").join(map(_unfit, columns)),
    )
    with closing(stream(connection, query)) as rows:
        for key, *values in rows:
            for column, value in zip(columns, values, strict=True):
                if value is not None:
                    problems.add(
                        f"table {table.name}, key ({key}), column {column.name}: {_RULES[column.type].reason}; "
                        f"found {value}"
                    )


def _unfit(column: TargetColumn) -> sql.Composed:
    # The conditions are the ones above; only the name comes from elsewhere.
    return sql.SQL(_RULES[column.type].unfit).format(c=sql.Identifier(column.name))  # pyright: ignore[reportArgumentType]
