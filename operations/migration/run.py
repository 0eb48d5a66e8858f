"""The migration, start to end: one transaction, one record."""

import sqlite3
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from jellyfin_ha import __version__

from ..errors import UserError
from ..progress import Progress, silent
from .faults import explained
from .image import fingerprint
from .in_use import POLL_SECONDS, Watch, require_alone, require_closed
from .record import MigrationRecord, find_record, write_record
from .referring import also_emptied, read_referring
from .result import MigrationResult, Outcome, report_of
from .session import LOCK_SECONDS, Connection, connect
from .source import open_source
from .source import read_tables as read_source_tables
from .target import count_rows, read_foreign_keys, read_tables
from .transfer import Options, transfer

# No library is without: the placeholder and the root folders are items.
ITEMS = "BaseItems"
# Any number that nothing else locks: "jfmigrat" in ASCII.
ADVISORY_LOCK = 0x6A666D6967726174

# Keeps two migrations apart until the transaction ends. Arguments: the lock's number; one row (boolean: got it).
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"


def migrate(
    source: Path, target: str, *, options: Options | None = None, dry_run: bool = False, progress: Progress = silent
) -> MigrationResult:
    """Copy a Jellyfin library from SQLite into the schema that a new server made in PostgreSQL.

    Everything happens in one transaction: afterwards the target is complete and verified, or as it was before.
    Without `Options.replace` the target must be fresh (it holds only what a new server writes by itself). No server
    may run on either side. The target's role must own the server's tables and be allowed to make a schema in the
    database; it need be no superuser. A second call with the same source does nothing.

    Args:
        source: `jellyfin.db` of a stopped server of at least the target's version; never changed.
        target: a libpq connection string or URL.
        options: what the user allowed beyond that.
        dry_run: do everything, verification included, and then roll it back.
        progress: told which table is copied or verified, how fast, and how much of all rows is done.

    Raises:
        UserError: exit code 2 when an argument is no good, 1 when the migration is refused or fails; the target
            is then as it was. A `RefusedError` has every problem of the source.
    """
    allowed = options or Options()
    with ThreadPoolExecutor(max_workers=1) as aside:
        require_closed(source)
        watch = Watch(source)
        with open_source(source) as old, explained(), connect(target) as connection:
            _lock(connection)
            known = find_record(connection)
            if known is not None and not allowed.replace:
                return _known(old, connection, known, fingerprint(source))
            require_alone(connection)
            started = datetime.now(UTC)
            marks: list[Future[str]] = []
            # Reading the file once more takes its time, and the verification leaves a processor some.
            done = transfer(old, connection, allowed, progress, lambda: marks.append(aside.submit(fingerprint, source)))
            watch.require_unchanged()
            record = MigrationRecord(
                source_fingerprint=marks[0].result(),
                versions={
                    "tool": __version__,
                    "source": done.source_version,
                    "target": done.target_version,
                },
                started_at=started,
                finished_at=datetime.now(UTC),
                rows=sum(done.rows.values()),
                report=report_of(done),
            )
            if dry_run:
                connection.rollback()
                return MigrationResult(replace(record, state="dry run"), Outcome.DRY_RUN)
            write_record(connection, record)
            progress("committing", 1.0)
    return MigrationResult(record, Outcome.MIGRATED)


def _lock(connection: Connection) -> None:
    # One that was killed holds it until PostgreSQL has noticed.
    deadline = time.monotonic() + LOCK_SECONDS
    while connection.execute(TRY_LOCK, (ADVISORY_LOCK,)).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise UserError("another migration into this target is running. Wait until it ends, then try again.")
        time.sleep(POLL_SECONDS)


def _known(old: sqlite3.Connection, connection: Connection, record: MigrationRecord, mark: str) -> MigrationResult:
    if record.source_fingerprint == mark:
        # The record is in a schema of its own, and outlives a server's schema that somebody made anew.
        if record.rows and (ITEMS not in read_tables(connection) or not count_rows(connection, ITEMS)):
            raise UserError(
                f"the target says that this library was migrated on {record.finished_at:%Y-%m-%d}, with {record.rows} "
                f"rows, but its {ITEMS} are gone. See who emptied it; --replace migrates it once more."
            )
        return MigrationResult(record, Outcome.ALREADY_MIGRATED)
    referring = read_referring(connection, read_foreign_keys(connection), read_source_tables(old).keys())
    raise UserError(
        f"the target already holds another library: {record.rows} rows, migrated on {record.finished_at:%Y-%m-%d} "
        f"from a file with the fingerprint {record.source_fingerprint}; this file's is {mark}. Give a fresh "
        f"database for this one, or overwrite the target's library with --replace.{also_emptied(referring)}"
    )
