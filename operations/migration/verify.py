"""Proof that both sides hold the same: read again on either side, each in its own words, and compared.

A copy lies in PostgreSQL in the order in which it was sent, so both sides are first read as they lie, which is the
fastest way. Only when rows do not pair that way are both read in the order of the key, which tells what is missing.
Either way every value of every column is compared (`normal` says in which form), and a difference passes only when
the list of repairs names it with the very value that is there.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import cast

from psycopg import sql

from .normal import shown, source_form, target_form
from .plan import TablePlan
from .problems import Problems
from .repairs import Key, Repairs, Rule
from .session import PORTION, Connection, stream
from .source import quoted
from .target import TargetColumn, table_identifier

# All rows of a table. No arguments; `order` is empty or ORDER BY.
READ = "SELECT {columns} FROM {table}{order}"

Row = tuple[object, ...]


@dataclass(frozen=True)
class Sides:
    """The two databases.

    Args:
        sqlite: what people know SQLite's as.
        postgres: the same of PostgreSQL's.
        unsigned_zero: whether the sign of PostgreSQL's zeros may be lost.
    """

    sqlite: str = "the source"
    postgres: str = "the target"
    unsigned_zero: bool = False


class Verification:
    """Compares tables of a source, which `normal.prepare` was given, with their copies.

    Args:
        source: the SQLite side.
        connection: the PostgreSQL side, in the transaction of the copy.
        repairs: what may differ.
        problems: takes every difference, with table, key and column.
        sides: which they are.
    """

    def __init__(
        self,
        source: sqlite3.Connection,
        connection: Connection,
        repairs: Repairs,
        problems: Problems,
        sides: Sides | None = None,
    ) -> None:
        self._source = source
        self._connection = connection
        self._repairs = repairs
        self._problems = problems
        self._sides = sides or Sides()

    def verify(self, plan: TablePlan, on_rows: Callable[[int], None]) -> None:
        """Compare all rows and columns of one table.

        Args:
            plan: what went where.
            on_rows: told how many rows were compared since it was last told.
        """
        differing = self._as_they_lie(plan, on_rows)
        if differing is None:
            self._by_key(plan)
            return
        for expected, found in differing:
            self._tell(plan, expected, found)

    def _as_they_lie(self, plan: TablePlan, on_rows: Callable[[int], None]) -> list[tuple[Row, Row]] | None:
        """Pairs of rows that differ, or None when the rows do not pair."""
        with closing(self._target_rows(plan, ordered=False)) as there:
            return self._pair(plan, self._source_rows(plan, ordered=False), there, on_rows)

    def _pair(
        self, plan: TablePlan, here: Iterator[Row], there: Iterator[Row], on_rows: Callable[[int], None]
    ) -> list[tuple[Row, Row]] | None:
        key = _positions(plan)
        differing: list[tuple[Row, Row]] = []
        told = 0
        while True:
            expected, found = list(islice(here, PORTION)), list(islice(there, PORTION))
            if expected != found:
                paired = len(expected) == len(found) and all(
                    one[place] == other[place] for one, other in zip(expected, found, strict=True) for place in key
                )
                if not paired or len(differing) > PORTION:
                    # Ended early, the stream would be cancelled, and the transaction with it.
                    deque(there, maxlen=0)
                    on_rows(max(plan.rows - told, 0))
                    return None
                differing += [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
            if not expected:
                return differing
            told += len(expected)
            on_rows(len(expected))

    def _by_key(self, plan: TablePlan) -> None:
        with closing(self._target_rows(plan, ordered=True)) as there:
            self._merge(plan, self._source_rows(plan, ordered=True), there)

    def _merge(self, plan: TablePlan, here: Iterator[Row], there: Iterator[Row]) -> None:
        key = _positions(plan)
        expected, found = next(here, None), next(there, None)
        while expected is not None or found is not None:
            expected_key = None if expected is None else _key(expected, key)
            found_key = None if found is None else _key(found, key)
            if found_key is None or (expected_key is not None and expected_key < found_key):
                self._tell_missing(plan, cast(Key, expected_key))
                expected = next(here, None)
            elif expected_key is None or found_key < expected_key:
                self._tell_row(plan, found_key, has=self._sides.postgres, lacks=self._sides.sqlite)
                found = next(there, None)
            else:
                if expected != found:
                    self._tell(plan, cast(Row, expected), cast(Row, found))
                expected, found = next(here, None), next(there, None)

    def _tell(self, plan: TablePlan, expected: Row, found: Row) -> None:
        key = _key(expected, _positions(plan))
        for column, here, there in zip(plan.columns, expected, found, strict=True):
            if here == there:
                continue
            repair = self._repairs.find(plan.name, key, column.target.name)
            if repair is None or repair.became != there:
                self._problems.add(
                    f"table {plan.name}, key {_shown(key)}, column {column.target.name}: {self._sides.sqlite} has "
                    f"{shown(column.target, here)}, {self._sides.postgres} {shown(column.target, there)}"
                )

    def _tell_missing(self, plan: TablePlan, key: Key) -> None:
        repair = self._repairs.find(plan.name, key)
        if repair is None or repair.rule is not Rule.LEFT_OUT:
            self._tell_row(plan, key, has=self._sides.sqlite, lacks=self._sides.postgres)

    def _tell_row(self, plan: TablePlan, key: Key, *, has: str, lacks: str) -> None:
        self._problems.add(f"table {plan.name}: {has} has the row {_shown(key)} where {lacks} has nothing")

    def _source_rows(self, plan: TablePlan, *, ordered: bool) -> Iterator[Row]:
        columns = ", ".join(source_form(column.target, column.origin) for column in plan.columns)
        # Result columns by number: their normal form is what both sides order by, whatever collation a column has.
        places = ", ".join(f"{place + 1} COLLATE BINARY" for place in _positions(plan))
        order = f" ORDER BY {places}" if ordered else ""
        rows = self._source.execute(f"SELECT {columns} FROM {quoted(plan.name)}{order}")  # noqa: S608
        while portion := cast(Sequence[Row], rows.fetchmany(PORTION)):
            yield from portion

    def _target_rows(self, plan: TablePlan, *, ordered: bool) -> Generator[Row]:
        order = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(_target_order(part) for part in plan.key))
        query = sql.SQL(READ).format(
            columns=sql.SQL(", ").join(
                target_form(column.target, unsigned_zero=self._sides.unsigned_zero) for column in plan.columns
            ),
            table=table_identifier(plan.name),
            order=order if ordered else sql.SQL(""),
        )
        return stream(self._connection, query)


def _positions(plan: TablePlan) -> list[int]:
    names = [column.target.name for column in plan.columns]
    return [names.index(part.name) for part in plan.key]


def _key(row: Row, positions: Sequence[int]) -> Key:
    return cast(Key, tuple(row[place] for place in positions))


def _target_order(column: TargetColumn) -> sql.Composed:
    return sql.SQL('{} COLLATE "C"' if column.type == "text" else "{}").format(sql.Identifier(column.name))


def _shown(key: Key) -> str:
    return f"({', '.join(str(part) for part in key)})"
