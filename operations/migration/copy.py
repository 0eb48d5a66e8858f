"""The copy of one table: read in portions, sent by COPY."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import psycopg
from psycopg import sql

from . import quick
from .convert import Repaired, SourceValue, TargetValue, UnfitError
from .plan import ColumnPlan, TablePlan
from .problems import Problems
from .repairs import Key, Repair, Repairs
from .session import PORTION, Connection
from .source import careful_text, quoted
from .target import table_identifier

SHOWN_CHARACTERS = 60

# Empties a table. No arguments, no results.
TRUNCATE = "TRUNCATE TABLE {table}"
# Takes rows in the format `text` or `binary`. They are written as old rows, which no later vacuum has to visit; that is
# allowed for a table that was emptied in the same subtransaction, and nobody else sees the table before the end.
COPY = "COPY {table} ({columns}) FROM STDIN (FREEZE, FORMAT {format})"


# What ends the quick way: what PostgreSQL or psycopg does not take, and what a condition, a function (whose overflow is
# SQLite's DataError) or SQLite's reader refuses. A file that cannot be read fails the careful way too, and that tells.
NOT_PLAIN = (
    psycopg.DataError,
    psycopg.errors.NotNullViolation,
    TypeError,
    sqlite3.OperationalError,
    sqlite3.DataError,
)

Row = Sequence[TargetValue]


class Copying:
    """Copies tables, each the quick way, and the careful way when it holds what the quick way does not know.

    Args:
        source: the SQLite side, which `quick.prepare` was given.
        connection: the PostgreSQL side, in the migration's transaction.
        repairs: takes what had to be changed.
        problems: takes the values that do not fit; their rows are left out, and the caller must not commit.
    """

    def __init__(
        self, source: sqlite3.Connection, connection: Connection, repairs: Repairs, problems: Problems
    ) -> None:
        self._source = source
        self._connection = connection
        self._repairs = repairs
        self._problems = problems

    def copy(self, plan: TablePlan, on_rows: Callable[[int], None]) -> bool:
        """Copy every row of a table.

        Args:
            plan: what goes where.
            on_rows: told how many rows were read since it was last told.

        Returns:
            Whether the careful way was needed.
        """
        meter = _Counter(on_rows)
        try:
            self._fill(plan, self._plain_rows(plan, meter), [form.sent_as for form in plan.plain], binary=plan.binary)
        except NOT_PLAIN:
            meter.start_again()
            with careful_text(self._source):
                self._fill(plan, self._converted_rows(plan, meter), None)
            return True
        return False

    def _fill(
        self, plan: TablePlan, portions: Iterator[Iterable[Row]], types: Sequence[str] | None, *, binary: bool = False
    ) -> None:
        table = table_identifier(plan.name)
        columns = sql.SQL(", ").join(sql.Identifier(column.target.name) for column in plan.columns)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(sql.SQL(TRUNCATE).format(table=table))
            form = sql.SQL("binary" if binary else "text")
            with cursor.copy(sql.SQL(COPY).format(table=table, columns=columns, format=form)) as sink:
                if types is not None:
                    sink.set_types(types)
                for portion in portions:
                    for row in portion:
                        sink.write_row(row)

    def _plain_rows(self, plan: TablePlan, meter: "_Counter") -> Iterator[Iterable[Row]]:
        forms = zip(plan.plain, plan.columns, strict=True)
        expressions = ", ".join(quick.expression(form, column.origin) for form, column in forms)
        return self._portions(f"SELECT {expressions} FROM {quoted(plan.name)}", meter)  # noqa: S608

    def _converted_rows(self, plan: TablePlan, meter: "_Counter") -> Iterator[Iterable[Row]]:
        origins = ", ".join(column.origin for column in plan.columns)
        key = _Key(plan)
        for portion in self._portions(f"SELECT {origins} FROM {quoted(plan.name)}", meter):  # noqa: S608
            converted = (self._convert(plan, key, row) for row in portion)
            yield (row for row in converted if row is not None)

    def _portions(self, query: str, meter: "_Counter") -> Iterator[Sequence[Sequence[SourceValue]]]:
        rows = self._source.execute(query)
        while portion := rows.fetchmany(PORTION):
            yield portion
            meter.add(len(portion))

    def _convert(self, plan: TablePlan, key: "_Key", row: Sequence[SourceValue]) -> list[TargetValue] | None:
        values: list[TargetValue | Repaired] = []
        unfit = False
        for column, value in zip(plan.columns, row, strict=True):
            try:
                values.append(_value(column, value))
            except UnfitError as error:
                unfit = True
                self._problems.add(
                    f"table {plan.name}, key ({key.shown(row)}), column {column.target.name}: {error}; "
                    f"found {_form(value)}"
                )
        if unfit:
            return None
        plain: list[TargetValue] = []
        for column, found, value in zip(plan.columns, row, values, strict=True):
            if isinstance(value, Repaired):
                repair = Repair(plan.name, key.of(values), column.target.name, value.rule, _text(found), value.value)
                self._repairs.add(repair)
                value = value.value
            plain.append(value)
        return plain


class _Counter:
    """Tells of rows once, however often they are read."""

    def __init__(self, on_rows: Callable[[int], None]) -> None:
        self._on_rows = on_rows
        self._read = 0
        self._told = 0

    def start_again(self) -> None:
        self._read = 0

    def add(self, rows: int) -> None:
        self._read += rows
        if self._read > self._told:
            self._on_rows(self._read - self._told)
            self._told = self._read


class _Key:
    """The primary key within a row of a plan's columns."""

    def __init__(self, plan: TablePlan) -> None:
        names = [column.target.name for column in plan.columns]
        self._places = [names.index(part.name) for part in plan.key]

    def shown(self, row: Sequence[SourceValue]) -> str:
        return ", ".join(_form(row[place]) for place in self._places)

    def of(self, values: Sequence[TargetValue | Repaired]) -> Key:
        return cast(Key, tuple(values[place] for place in self._places))


def _value(column: ColumnPlan, value: SourceValue) -> TargetValue | Repaired:
    converted = column.convert(value)
    if isinstance(converted, Repaired) and column.target.key_position:
        raise UnfitError(f"a key that would need a repair ({converted.rule.value})")
    return converted


def _text(value: SourceValue) -> str:
    """A value in full, as a JSON report can hold it."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return str(value)


def _form(value: SourceValue) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
