"""The session in PostgreSQL: one transaction, with settings under which no value changes."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ..errors import UserError
from .silence import Silence, listening

Connection = psycopg.Connection[tuple[object, ...]]

# Rows in memory at once; the widest rows (key frames) are some 10 kB.
PORTION = 200
CONNECT_SECONDS = 10
# A peer from which nothing is heard for this long is gone.
SILENCE_SECONDS = 60
# A server that still uses the target holds locks; this long is waited for it to let go.
LOCK_SECONDS = 20
# SQLSTATEs that end a session: class 08, connection exceptions, and those of class 57 by which a server shuts down.
LOST = ("08", "57P")

# Session settings, so that nothing of the role's or the database's own defaults changes a value or a name, and that a
# server which hears nothing from this side any more lets go of the tables. No arguments, no results.
SESSION = """
SET client_encoding = 'UTF8';
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET standard_conforming_strings = on;
SET search_path = pg_catalog;
SET lock_timeout = {lock_timeout};
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET tcp_keepalives_idle = {idle};
SET tcp_keepalives_interval = {interval};
SET tcp_user_timeout = {silence};
"""

# What makes filling tables faster, changes no value, and any role may set until the transaction ends. Values that the
# server does not know (lz4 compression is a choice of its build) are left out. Memory is only ever raised.
# No arguments, no results.
TUNE = """
SELECT set_config(name, 'lz4', true) FROM pg_settings
 WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals);
SELECT set_config(name, {maintenance_kb}, true) FROM pg_settings
 WHERE name = 'maintenance_work_mem' AND setting::bigint < {maintenance_kb}::bigint;
SET LOCAL synchronize_seqscans = off;
"""
# Half of what the deployment's PostgreSQL may use at most, its buffers apart.
MAINTENANCE_KB = 256 * 1024


@contextmanager
def connect(target: str) -> Generator[Connection]:
    """A connection in one transaction: committed when the block ends well, otherwise rolled back.

    Args:
        target: a libpq connection string or URL.

    Raises:
        UserError: exit code 2 when `target` is malformed, 1 when the server cannot be reached, falls silent, or is
            lost during the commit.
    """
    idle, interval = max(SILENCE_SECONDS // 3, 1), max(SILENCE_SECONDS // 6, 1)
    try:
        connection = psycopg.connect(
            target,
            connect_timeout=CONNECT_SECONDS,
            tcp_user_timeout=SILENCE_SECONDS * 1000,
            keepalives_idle=idle,
            keepalives_interval=interval,
            application_name="jellyfin-ha",
            row_factory=tuple_row,
        )
    except psycopg.ProgrammingError as error:
        raise UserError(
            # libpq's words may hold the password.
            "the PostgreSQL target is not a connection string. Expected postgresql://user:password@host:port/database, "
            "special characters of the password encoded (%40 for @), or key=value pairs; PGPASSWORD and ~/.pgpass can "
            "hold the password as it is.",
            exit_code=2,
        ) from error
    except psycopg.OperationalError as error:
        words = str(error).strip()
        # A password with an @ that is not encoded ends up in what libpq takes for the host.
        found = "libpq's words are left out, since they may hold the password" if "@" in words else words
        raise UserError(
            f"cannot connect to the PostgreSQL target: {found}. See that it runs and that host, port, database, user "
            "and password are right, and special characters of the password encoded (%40 for @)."
        ) from error
    session = sql.SQL(SESSION).format(
        lock_timeout=sql.Literal(f"{LOCK_SECONDS}s"),
        idle=sql.Literal(idle),
        interval=sql.Literal(interval),
        silence=sql.Literal(f"{SILENCE_SECONDS}s"),
    )
    with listening(connection, target, SILENCE_SECONDS) as silence, connection:
        try:
            connection.execute(session)
            yield connection
        except psycopg.OperationalError as error:
            if not silence.noticed:
                raise
            raise UserError(
                f"nothing was heard from the target for {SILENCE_SECONDS} s. Nothing was changed. See that the "
                "network or tunnel to it works, then try again."
            ) from error
        _commit(connection, silence)


def _commit(connection: Connection, silence: Silence) -> None:
    """Psycopg's own way takes a connection that is lost by then for a success."""
    try:
        connection.commit()
    except psycopg.OperationalError as error:
        if error.sqlstate is not None and not error.sqlstate.startswith(LOST):
            raise
        found = (
            f"nothing was heard from the target for {SILENCE_SECONDS} s during the commit"
            if silence.noticed
            else f"the connection to the target was lost during the commit: {error.diag.message_primary or error}"
        )
        raise UserError(
            f"{found}. The target is as it was, or, when only the answer to the commit was lost, complete: run the "
            "migration again, it tells."
        ) from error


def tune(connection: Connection) -> None:
    """Set the transaction up for filling tables."""
    connection.execute(sql.SQL(TUNE).format(maintenance_kb=sql.Literal(str(MAINTENANCE_KB))))


def stream(connection: Connection, query: sql.Composed) -> Generator[tuple[object, ...]]:
    """Rows as they come, a portion in memory at a time.

    Close it (`contextlib.closing`) when it may not be read to its end: until then it holds the connection, and a
    rollback would wait for ever.
    """
    with connection.cursor() as cursor:
        yield from cursor.stream(query, size=PORTION)
