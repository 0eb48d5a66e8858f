"""The way back, start to end: a new file that appears under its name only when it is complete and verified."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from ...errors import UserError
from ...progress import Progress, silent
from .. import normal
from ..faults import explained
from ..history import require_level, server_version
from ..image import beside
from ..in_use import other_sessions
from ..plan import NOT_COPIED, Plan, TablePlan
from ..problems import Problems
from ..repairs import Repairs
from ..result import REPORT_VERSION
from ..session import Connection, connect, stream, tune
from ..source import open_source, quoted, read_history, read_tables
from ..target import (
    TargetTable,
    column_has_data,
    count_rows,
    read_last_numbers,
    read_migration_history,
    table_identifier,
)
from ..target import read_tables as read_target_tables
from ..verify import Sides, Verification
from .forms import stored_form
from .plan import make_reverse_plan
from .schema import continue_numbers, journal_mode, make_tables, make_the_rest, read_schema
from .unfit import require_fit

# One state of the database for all reads, whatever servers write meanwhile. No arguments, no results.
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# All rows of a table, as they lie. No arguments.
READ = "SELECT {columns} FROM {table}"


@dataclass(frozen=True)
class ReverseResult:
    """What the way back did.

    Args:
        path: the new file; None after a dry run.
        rows_by_table: how many rows each table got.
        differences: tables and columns that only one side has, in words.
        versions: of the servers, as far as the migration histories tell: `source` of PostgreSQL, `target` of the file.
        seconds: how long it took.
        other_sessions: how many others were connected to PostgreSQL; what they write is not in the file.
    """

    path: Path | None
    rows_by_table: Mapping[str, int]
    differences: tuple[str, ...]
    versions: Mapping[str, str | None]
    seconds: float
    other_sessions: int

    @property
    def rows(self) -> int:
        """How many rows were copied."""
        return sum(self.rows_by_table.values())

    def report(self) -> dict[str, object]:
        """Everything, in the form that docs/migration.md describes."""
        return {
            "report_version": REPORT_VERSION,
            "outcome": "reversed" if self.path else "dry run",
            "versions": dict(self.versions),
            "total_rows": self.rows,
            "rows": dict(self.rows_by_table),
            "differences": list(self.differences),
            "seconds": round(self.seconds, 3),
            "other_sessions": self.other_sessions,
        }

    def summary(self) -> str:
        """The result in a few lines, for people."""
        filled = sum(1 for count in self.rows_by_table.values() if count)
        where = f"into {self.path}" if self.path else "and removed the file again"
        lines = [f"Wrote and verified {self.rows} rows of {filled} tables in {self.seconds:.1f} s, {where}."]
        if self.other_sessions:
            lines.append(
                f"{self.other_sessions} other sessions are connected to PostgreSQL. Are servers running? What they "
                "write from now on is not in the file."
            )
        return "\n".join([*lines, *self.differences])


def reverse(
    source: str, destination: Path, like: Path, *, dry_run: bool = False, progress: Progress = silent
) -> ReverseResult:
    """Write PostgreSQL's content into a new `jellyfin.db`.

    The file is made beside its final name and gets it when it is complete, verified and on the disk; PostgreSQL is
    only read, in one snapshot. History of migrations and schema are those of `like`.

    Args:
        source: a libpq connection string or URL.
        destination: the file to make; must not exist.
        like: a `jellyfin.db` of the same server version, for its schema: the old server's, or one that a new server
            of that version made. It is only read.
        dry_run: do everything, verification included, and remove the file again.
        progress: told which table is written or verified, and how much of all rows is done.

    Raises:
        UserError: exit code 2 when an argument is no good, 1 when it is refused or fails; no file is left then.
    """
    _require_free(destination)
    started = time.monotonic()
    with open_source(like) as template, explained(), connect(source) as connection:
        connection.execute(SNAPSHOT)
        tune(connection)
        history = read_migration_history(connection)
        require_level(history, read_history(template))
        tables = {name: table for name, table in read_target_tables(connection).items() if name not in NOT_COPIED}
        plan = make_reverse_plan(
            tables,
            {name: count_rows(connection, name) for name in tables},
            read_schema(template, read_tables(template)),
            lambda table, column: column_has_data(connection, table, column),
        )
        others = other_sessions(connection)
        progress("looking for what SQLite cannot hold", None)
        require_fit(connection, plan.tables)
        with _new_file(destination, keep=not dry_run) as new:
            _fill(template, new, connection, plan, tables, progress)
            new.execute(f"PRAGMA journal_mode = {journal_mode(like)}")
        return ReverseResult(
            path=None if dry_run else destination,
            rows_by_table={table.name: table.rows for table in plan.tables},
            differences=plan.differences,
            versions={"source": server_version(history), "target": server_version(read_history(template))},
            seconds=time.monotonic() - started,
            other_sessions=len(others),
        )


def _require_free(destination: Path) -> None:
    """No file may be there, and none that SQLite would take for a part of it: an old log would be played into it."""
    for path in (destination, *(beside(destination, suffix) for suffix in ("-wal", "-shm", "-journal"))):
        try:
            there = path.exists()
        except OSError as error:
            raise UserError(f"cannot look at {path}: {error.strerror}", exit_code=2) from error
        if there:
            raise UserError(
                f"expected no file at {path}, found one: give the name of a new file, in a folder without an old one's "
                "-wal, -shm and -journal",
                exit_code=2,
            )
    if not os.access(destination.parent, os.W_OK):
        raise UserError(f"expected a folder that can be written to, found {destination.parent}", exit_code=2)


@contextmanager
def _new_file(destination: Path, *, keep: bool) -> Generator[sqlite3.Connection]:
    """A file that gets its name when the block ends well, and vanishes otherwise."""
    draft = destination.with_name(f".{destination.name}.partial")
    try:
        with _locked(draft, destination):
            connection = sqlite3.connect(draft, isolation_level=None)
            try:
                # A draft needs no protection against a crash; it is synced before it gets its name.
                connection.execute("PRAGMA journal_mode = OFF")
                connection.execute("PRAGMA synchronous = OFF")
                yield connection
            finally:
                connection.close()
            if keep:
                _require_free(destination)
                _sync(draft)
                draft.rename(destination)
                _sync(destination.parent)
    except (sqlite3.Error, OSError) as error:
        raise UserError(f"cannot write {destination}: {error}. No file was left.") from error


@contextmanager
def _locked(draft: Path, destination: Path) -> Generator[None]:
    """An empty draft that no other run writes to; it is gone afterwards, unless it got its name."""
    with draft.open("ab") as content:
        try:
            fcntl.flock(content, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another way back is writing {destination}. Wait until it ends.") from error
        if not draft.exists() or not os.path.samestat(draft.stat(), os.fstat(content.fileno())):
            raise UserError(f"another way back has just ended at {destination}. Look at what is there.")
        content.truncate(0)
        try:
            yield
        finally:
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(
    template: sqlite3.Connection,
    new: sqlite3.Connection,
    connection: Connection,
    plan: Plan,
    tables: Mapping[str, TargetTable],
    progress: Progress,
) -> None:
    make_tables(template, new)
    total = max(2 * plan.rows, 1)
    done = 0
    for table in plan.tables:
        progress(f"writing {table.name}", done / total)
        new.execute("BEGIN")
        _copy(new, connection, table)
        new.execute("COMMIT")
        done += table.rows
    progress("indexing", done / total)
    make_the_rest(template, new)
    continue_numbers(new, read_last_numbers(connection, [tables[table.name] for table in plan.tables]))
    problems = Problems()
    for name, row, parent, _ in new.execute("PRAGMA foreign_key_check"):
        problems.add(f"table {name}, row {row}: refers to what {parent} does not have")
    normal.prepare(new)
    sides = Sides("the new file", "PostgreSQL", unsigned_zero=True)
    verification = Verification(new, connection, Repairs(), problems, sides)
    for table in plan.tables:
        progress(f"verifying {table.name}", done / total)
        verification.verify(table, lambda rows: None)
        done += table.rows
    if problems:
        raise problems.error(
            "the new file differs from PostgreSQL; it was removed",
            "Does the file of --like declare other types than a server does? If not, this is a fault of the tool: "
            "please report it.",
        )


def _copy(new: sqlite3.Connection, connection: Connection, table: TablePlan) -> None:
    query = sql.SQL(READ).format(
        columns=sql.SQL(", ").join(stored_form(column.target) for column in table.columns),
        table=table_identifier(table.name),
    )
    columns = ", ".join(column.origin for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    with closing(stream(connection, query)) as rows:
        new.executemany(f"INSERT INTO {quoted(table.name)} ({columns}) VALUES ({marks})", rows)  # noqa: S608
