"""The migration, start to end: one transaction, one record."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ..errors import UserError
from ..progress import Progress, silent
from .faults import explained
from .record import MigrationRecord, find_record, write_record
from .result import MigrationResult
from .source import check_source, fingerprint, open_source
from .target import connect
from .transfer import transfer

# Any number that nothing else locks: "jfmigrat" in ASCII.
ADVISORY_LOCK = 0x6A666D6967726174

# Keeps two migrations apart until the transaction ends. Arguments: the lock's number; one row (boolean: got it).
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"


def migrate(source: Path, target: str, *, progress: Progress = silent) -> MigrationResult:
    """Copy a Jellyfin library from SQLite into the schema that a new server made in PostgreSQL.

    Everything happens in one transaction: afterwards the target is complete and verified, or as it was before.
    The target must be fresh (it holds only what a new server writes by itself) and no server may run on it. Its
    role must own the server's tables and be allowed to make a schema in the database; it need be no superuser.
    A second call with the same source does nothing.

    Args:
        source: `jellyfin.db` of a stopped server of at least the target's version; never changed.
        target: a libpq connection string or URL.
        progress: told which table is copied or verified, and how much of all rows is done.

    Raises:
        UserError: exit code 2 when an argument is no good, 1 when the migration is refused or fails; the target
            is then as it was.
    """
    mark = check_source(source)
    with explained(), connect(target) as connection:
        locked = connection.execute(TRY_LOCK, (ADVISORY_LOCK,)).fetchone()
        if not locked or not locked[0]:
            raise UserError("another migration into this target is running. Wait until it ends, then try again.")
        known = find_record(connection)
        if known is not None:
            return _known(known, mark)
        started = datetime.now(UTC)
        with open_source(source) as old:
            done = transfer(old, connection, progress)
        if fingerprint(source) != mark:
            raise UserError(
                f"{source} was written to while it was being copied; the target is as it was. Stop the old "
                "server, then try again."
            )
        record = MigrationRecord(
            source_fingerprint=mark,
            versions={
                "tool": version("jellyfin-ha"),
                "source": done.source_version,
                "target": done.target_version,
            },
            started_at=started,
            finished_at=datetime.now(UTC),
            rows=done.plan.rows,
            report={
                "rows": {table.name: table.rows for table in done.plan.tables},
                "timestamps_cut_to_microseconds": done.tally.cut_timestamps,
                "differences": list(done.plan.differences),
            },
        )
        write_record(connection, record)
        progress("committing", 1.0)
    return MigrationResult(record, already_migrated=False)


def _known(record: MigrationRecord, mark: str) -> MigrationResult:
    if record.source_fingerprint == mark:
        return MigrationResult(record, already_migrated=True)
    raise UserError(
        f"the target already holds another library: {record.rows} rows, migrated on {record.finished_at:%Y-%m-%d} "
        f"from a file with the fingerprint {record.source_fingerprint}; this file's is {mark}. Give a fresh "
        "database for this one."
    )
