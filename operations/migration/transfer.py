"""Check, copy and verify, inside the one transaction that the caller owns."""

import sqlite3
import time
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import LiteralString

from psycopg import sql

from ..errors import UserError
from ..progress import Progress
from . import normal, quick
from .constraints import add_foreign_keys, continue_sequences, drop_foreign_keys, touching
from .convert import Tally
from .copy import Copying
from .fresh import require_fresh
from .history import require_level, server_version
from .indexes import build_indexes, drop_indexes, read_indexes
from .orphans import mend_references
from .plan import DERIVED, NOT_COPIED, Plan, SourceSchema, TablePlan, make_plan
from .problems import Problems
from .referring import read_referring
from .repairs import Repairs, Rule
from .session import Connection, tune
from .source import (
    JELLYFIN_TABLES,
    careful_text,
    column_has_data,
    count_cut_moments,
    count_rows,
    read_autoincrement,
    read_history,
    read_views,
    registered,
)
from .source import read_tables as read_source_tables
from .target import read_foreign_keys, read_migration_history, table_identifier
from .target import read_tables as read_target_tables
from .verify import Verification

# Keeps servers out until the transaction ends. No arguments, no results.
LOCK = "LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"
# Empties tables, in one statement, since they may refer to each other. No arguments, no results.
TRUNCATE = "TRUNCATE TABLE {tables}"
# Statistics for the planner; without them the first queries on a filled table are slow. No arguments, no results.
ANALYZE = "ANALYZE {table} ({columns})"
# Long values that no query looks for; their statistics would take longer than all others.
NEVER_SOUGHT = frozenset({"bigint[]", "bytea"})
MOMENT = "timestamp with time zone"
BY_HAND_OR_REPAIR = (
    "Repair these rows in a copy of jellyfin.db (with the sqlite3 shell) and migrate the copy, or let the migration "
    "repair what it can: with --repair it cuts text that is too long, clears references that lead nowhere and leaves "
    "out rows that must have one, and lists each in full."
)
ONLY_BY_HAND = (
    "The migration repairs nothing of this kind. Mend these rows in a copy of jellyfin.db (with the sqlite3 shell) and "
    "migrate the copy."
)


@dataclass(frozen=True)
class Options:
    """What the user allowed.

    Args:
        replace: overwrite a target that holds somebody's data.
        repair: cut text that is too long, clear references that lead nowhere, leave out rows that must have one.
    """

    replace: bool = False
    repair: bool = False


@dataclass(frozen=True)
class Transfer:
    """What was copied and verified.

    Args:
        rows: how many rows each table got.
        differences: tables and columns that only one side has, in words.
        cut_moments: timestamps that lost a 7th digit of a second.
        repairs: what else could not arrive as it was.
        seconds: how long each step took.
        source_version: None when the migration history does not tell; `target_version` likewise.
    """

    rows: Mapping[str, int]
    differences: tuple[str, ...]
    cut_moments: int
    repairs: Repairs
    seconds: Mapping[str, float]
    source_version: str | None
    target_version: str | None


def transfer(
    source: sqlite3.Connection,
    connection: Connection,
    options: Options,
    progress: Progress,
    on_filled: Callable[[], None] = lambda: None,
) -> Transfer:
    """Fill a target from the source and prove that both hold the same.

    Args:
        source: the SQLite side.
        connection: the PostgreSQL side.
        options: what the user allowed.
        progress: told what is done.
        on_filled: called when everything is in the target, before it is verified.

    Raises:
        UserError: exit code 1; the caller must roll back.
    """
    tables = read_target_tables(connection)
    missing = JELLYFIN_TABLES - tables.keys()
    if missing:
        raise UserError(
            f"the target has no table {', '.join(sorted(missing))}: no server has made its schema yet. Start the "
            "server image on it once, wait until it is healthy, stop it, then migrate."
        )
    history = read_history(source)
    target_history = read_migration_history(connection)
    require_level(history, target_history)
    tally = Tally()
    described = _describe(source)
    keys = touching(read_foreign_keys(connection), described.tables.keys())
    referring = read_referring(connection, keys, described.tables.keys())
    plan = make_plan(described, tables, tally, referring=referring, repair=options.repair)
    filled = {table.name for table in plan.tables}
    # A table that only the target has and that refers to a copied one must be empty, and stays so.
    emptied = sorted(filled | {key.table for key in keys})
    _on_tables(connection, LOCK, emptied)
    if not options.replace:
        require_fresh(connection, emptied, referring)
    tune(connection)
    _prepare(source)

    meter = _Meter(progress, total=2 * plan.rows)
    problems, repairs = Problems(), Repairs()
    drop_foreign_keys(connection, keys)
    indexes = read_indexes(connection, filled)
    drop_indexes(connection, indexes)
    _on_tables(connection, TRUNCATE, emptied)
    with meter.step("copy"):
        careful = _copy(Copying(source, connection, repairs, problems), plan, meter)
    with meter.step("indexes and keys"):
        if not problems:
            build_indexes(connection, indexes, tables, problems, lambda index: meter.say(f"indexing {index.table}"))
        meter.say("checking foreign keys")
        if options.repair and not problems:
            mend_references(connection, keys, tables, repairs)
        if not problems:
            add_foreign_keys(connection, keys, tables, problems)
    if problems:
        raise problems.error(
            "the source holds what the target cannot; nothing was changed",
            ONLY_BY_HAND if options.repair else BY_HAND_OR_REPAIR,
        )
    continue_sequences(connection, [tables[table.name] for table in plan.tables], read_autoincrement(source))
    on_filled()
    with meter.step("verification"):
        _verify(source, Verification(source, connection, repairs, problems), plan, careful, meter)
    if problems:
        raise problems.error(
            "the copy differs from the source and was rolled back; nothing was changed",
            "Does a trigger of the target change rows? If not, this is a fault of the tool: please report it.",
        )
    with meter.step("statistics"):
        for table in plan.tables:
            sought = [column.target.name for column in table.columns if column.target.type not in NEVER_SOUGHT]
            statement = sql.SQL(ANALYZE).format(
                table=table_identifier(table.name), columns=sql.SQL(", ").join(map(sql.Identifier, sought))
            )
            connection.execute(statement)
    left_out = [repair.table for repair in repairs if repair.rule is Rule.LEFT_OUT]
    return Transfer(
        rows={table.name: table.rows - left_out.count(table.name) for table in plan.tables},
        differences=plan.differences,
        cut_moments=tally.cut_timestamps + _cut_moments(source, plan, careful),
        repairs=repairs,
        seconds=meter.seconds,
        source_version=server_version(history),
        target_version=server_version(target_history),
    )


@dataclass
class _Meter:
    """Turns rows done into a fraction of all rows, copied and verified, and tells how fast they go."""

    progress: Progress
    total: int
    done: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    _step_started: float = 0.0
    _step_done: int = 0

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Times what happens within."""
        self._step_started, self._step_done = time.monotonic(), 0
        yield
        self.seconds[name] = round(time.monotonic() - self._step_started, 3)

    def say(self, message: str) -> None:
        """Tells what is done now, with the share of rows done so far."""
        self.progress(message, min(self.done / self.total, 1.0) if self.total else None)

    def about(self, message: str) -> Callable[[int], None]:
        """What to tell rows to that are done about one table."""

        def advance(rows: int) -> None:
            self.done += rows
            self._step_done += rows
            took = time.monotonic() - self._step_started
            rate = f", {self._step_done / took:,.0f} rows/s" if self._step_done and took else ""
            self.say(f"{message}{rate}")

        advance(0)
        return advance


def _copy(copying: Copying, plan: Plan, meter: _Meter) -> frozenset[str]:
    """The tables that needed the careful way."""
    return frozenset(table.name for table in plan.tables if copying.copy(table, meter.about(f"copying {table.name}")))


def _verify(
    source: sqlite3.Connection, verification: Verification, plan: Plan, careful: frozenset[str], meter: _Meter
) -> None:
    for table in plan.tables:
        advance = meter.about(f"verifying {table.name}")
        if table.name in careful:
            with careful_text(source):
                verification.verify(table, advance)
        else:
            verification.verify(table, advance)


def _prepare(source: sqlite3.Connection) -> None:
    quick.prepare(source)
    normal.prepare(source)
    for derivation in DERIVED.values():
        registered(source, derivation.name, derivation.of_bytes)


def _describe(source: sqlite3.Connection) -> SourceSchema:
    tables = {name: columns for name, columns in read_source_tables(source).items() if name not in NOT_COPIED}
    return SourceSchema(
        tables=tables,
        rows={name: count_rows(source, name) for name in tables},
        has_data=lambda table, column: column_has_data(source, table, column),
        views=read_views(source),
    )


def _cut_moments(source: sqlite3.Connection, plan: Plan, careful: frozenset[str]) -> int:
    """Times of the tables that went the quick way; the careful way has counted its own."""

    def of(table: TablePlan) -> int:
        moments = [column.origin for column in table.columns if column.target.type == MOMENT]
        return count_cut_moments(source, table.name, moments) if moments else 0

    return sum(of(table) for table in plan.tables if table.name not in careful)


def _on_tables(connection: Connection, statement: LiteralString, tables: Collection[str]) -> None:
    names = sql.SQL(", ").join(table_identifier(table) for table in tables)
    connection.execute(sql.SQL(statement).format(tables=names))
