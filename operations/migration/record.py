"""What the target remembers of a migration: one row, written in the same transaction as the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import psycopg
from psycopg.types.json import Jsonb

from ..errors import UserError
from .session import Connection, connect

# Makes the record's table. No arguments, no results. `one` lets a target be migrated into once.
CREATE = """
CREATE SCHEMA IF NOT EXISTS jellyfin_ha;
CREATE TABLE IF NOT EXISTS jellyfin_ha.migration (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    source_fingerprint text NOT NULL,
    versions jsonb NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    rows bigint NOT NULL,
    report jsonb NOT NULL
);
"""
# Whether the record's table is there. No arguments; one row (boolean).
EXISTS = "SELECT to_regclass('jellyfin_ha.migration') IS NOT NULL"
# The record. No arguments; at most one row.
READ = "SELECT source_fingerprint, versions, started_at, finished_at, rows, report FROM jellyfin_ha.migration"
# Makes room for the record of a migration that replaced an earlier one. No arguments, no results.
CLEAR = "DELETE FROM jellyfin_ha.migration"
# Writes the record. Arguments: fingerprint, versions, start, end, rows, report.
WRITE = """
INSERT INTO jellyfin_ha.migration (source_fingerprint, versions, started_at, finished_at, rows, report)
VALUES (%s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class MigrationRecord:
    """A migration that is complete and verified: a target never holds part of one.

    Args:
        source_fingerprint: as `check_source` tells it.
        versions: of this tool, and of the servers as far as the migration histories tell (`tool`, `source`,
            `target`).
        started_at: when the copy began, with time zone.
        finished_at: when it had been verified, with time zone.
        rows: how many rows were copied.
        report: rows by table under `rows`, and what the rules changed.
        state: `done`, or `dry run` when it was rolled back on purpose.
    """

    source_fingerprint: str
    versions: Mapping[str, str | None]
    started_at: datetime
    finished_at: datetime
    rows: int
    report: Mapping[str, object]
    state: str = "done"


def read_record(target: str) -> MigrationRecord | None:
    """The record of the migration into a target, or None when there was none.

    Args:
        target: a libpq connection string or URL.

    Raises:
        UserError: exit code 2 when `target` is malformed, 1 when it cannot be read.
    """
    with connect(target) as connection:
        try:
            return find_record(connection)
        except psycopg.Error as error:
            raise UserError(
                f"cannot read the record of the migration: {error}. Connect as the owner of the database."
            ) from error


def find_record(connection: Connection) -> MigrationRecord | None:
    """The record, read within the connection's transaction."""
    there = connection.execute(EXISTS).fetchone()
    row = connection.execute(READ).fetchone() if there and there[0] else None
    if row is None:
        return None
    fingerprint, versions, started, finished, rows, report = row
    return MigrationRecord(
        source_fingerprint=str(fingerprint),
        versions=cast(Mapping[str, str | None], versions),
        started_at=cast(datetime, started),
        finished_at=cast(datetime, finished),
        rows=cast(int, rows),
        report=cast(Mapping[str, object], report),
    )


def write_record(connection: Connection, record: MigrationRecord) -> None:
    """Keep the record, within the connection's transaction."""
    values = (
        record.source_fingerprint,
        Jsonb(dict(record.versions)),
        record.started_at,
        record.finished_at,
        record.rows,
        Jsonb(dict(record.report)),
    )
    connection.execute(CREATE)
    connection.execute(CLEAR)
    connection.execute(WRITE, values)
