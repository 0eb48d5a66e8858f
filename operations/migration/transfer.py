"""Check, copy and verify, inside the one transaction that the caller owns."""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import LiteralString

from psycopg import sql

from ..errors import UserError
from ..progress import Progress
from .constraints import add_foreign_keys, continue_sequences, drop_foreign_keys, touching
from .convert import Tally
from .copy import copy_table, truncate
from .fresh import require_fresh
from .history import require_level, server_version
from .plan import NOT_COPIED, Plan, SourceSchema, make_plan
from .problems import Problems
from .source import (
    HISTORY_TABLE,
    JELLYFIN_TABLES,
    column_has_data,
    count_rows,
    read_autoincrement,
    read_history,
)
from .source import read_tables as read_source_tables
from .target import Connection, read_foreign_keys, table_identifier
from .target import read_tables as read_target_tables
from .verify import prepare, verify_table

# Keeps servers out until the transaction ends. No arguments, no results.
LOCK = "LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"
# Statistics for the planner; without them the first queries on a filled table are slow. No arguments.
ANALYZE = "ANALYZE {tables}"
# A migration history. No arguments; rows (id, version that applied it).
HISTORY = 'SELECT "MigrationId", "ProductVersion" FROM {table}'


@dataclass(frozen=True)
class Transfer:
    """What was copied and verified; versions are None when the migration histories do not tell."""

    plan: Plan
    tally: Tally
    source_version: str | None
    target_version: str | None


def transfer(source: sqlite3.Connection, connection: Connection, progress: Progress) -> Transfer:
    """Fill a fresh target from the source and prove that both hold the same.

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
    target_history = _target_history(connection)
    require_level(history, target_history)
    tally = Tally()
    plan = make_plan(_describe(source), tables, tally)
    keys = touching(read_foreign_keys(connection), {table.name for table in plan.tables})
    # A table that only the target has and that refers to a copied one must be empty, and stays so.
    emptied = sorted({table.name for table in plan.tables} | {key.table for key in keys})
    _on_tables(connection, LOCK, emptied)
    require_fresh(connection, emptied)

    meter = _Meter(progress, total=2 * plan.rows)
    problems = Problems()
    drop_foreign_keys(connection, keys)
    truncate(connection, emptied)
    for table in plan.tables:
        copy_table(source, connection, table, problems, meter.about(f"copying {table.name}"))
    meter.about("checking foreign keys")(0)
    if not problems:
        add_foreign_keys(connection, keys, tables, problems)
    if problems:
        raise problems.error(
            "the source holds what the target cannot; nothing was changed",
            "Repair these rows in a copy of jellyfin.db (with the sqlite3 shell) and migrate the copy.",
        )
    continue_sequences(connection, [tables[table.name] for table in plan.tables], read_autoincrement(source))

    prepare(source)
    for table in plan.tables:
        verify_table(source, connection, table, problems, meter.about(f"verifying {table.name}"))
    if problems:
        raise problems.error(
            "the copy differs from the source and was rolled back; nothing was changed",
            "Does a trigger of the target change rows? If not, this is a fault of the tool: please report it.",
        )
    _on_tables(connection, ANALYZE, emptied)
    return Transfer(plan, tally, server_version(history), server_version(target_history))


@dataclass
class _Meter:
    """Turns rows done into a fraction of all rows, copied and verified."""

    progress: Progress
    total: int
    done: int = field(default=0)

    def about(self, message: str) -> Callable[[int], None]:
        def advance(rows: int) -> None:
            self.done += rows
            self.progress(message, min(self.done / self.total, 1.0) if self.total else None)

        advance(0)
        return advance


def _describe(source: sqlite3.Connection) -> SourceSchema:
    tables = {name: columns for name, columns in read_source_tables(source).items() if name not in NOT_COPIED}
    return SourceSchema(
        tables=tables,
        rows={name: count_rows(source, name) for name in tables},
        has_data=lambda table, column: column_has_data(source, table, column),
    )


def _target_history(connection: Connection) -> Mapping[str, str]:
    rows = connection.execute(sql.SQL(HISTORY).format(table=table_identifier(HISTORY_TABLE)))
    return {str(identifier): str(version) for identifier, version in rows}


def _on_tables(connection: Connection, statement: LiteralString, tables: Collection[str]) -> None:
    names = sql.SQL(", ").join(table_identifier(table) for table in tables)
    connection.execute(sql.SQL(statement).format(tables=names))
