"""What the server made in PostgreSQL: read from the catalog, never assumed."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ..errors import UserError
from .silence import Silence, listening
from .source import HISTORY_TABLE

Connection = psycopg.Connection[tuple[object, ...]]

# Every known provider of Jellyfin keeps its tables in PostgreSQL's default schema.
SCHEMA = "public"
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

# Columns of all ordinary tables of a schema. Arguments: schema.
# Rows: table, column, type as SQL writes it, not null, has a default or identity, position in the primary key
# (0 when outside), sequence that numbers it (or null). Generated columns are left out: nobody can write them.
COLUMNS = """
SELECT t.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.atthasdef OR a.attidentity <> '',
       COALESCE(array_position(k.conkey, a.attnum), 0),
       pg_catalog.pg_get_serial_sequence(format('%%I.%%I', n.nspname, t.relname), a.attname)
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p'
 WHERE n.nspname = %s AND t.relkind = 'r'
 ORDER BY t.relname, a.attnum
"""

# Foreign keys of all tables of a schema. Arguments: schema.
# Rows: name, table, its columns, table referred to, its columns, definition as SQL writes it, comment (or null).
FOREIGN_KEYS = """
SELECT k.conname, t.relname,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS c(num, pos)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.num ORDER BY c.pos),
       r.relname,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS c(num, pos)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.num ORDER BY c.pos),
       pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint')
  FROM pg_constraint k
  JOIN pg_class t ON t.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_class r ON r.oid = k.confrelid
 WHERE n.nspname = %s AND k.contype = 'f'
 ORDER BY t.relname, k.conname
"""

# A migration history. No arguments; rows (id, version that applied it).
HISTORY = 'SELECT "MigrationId", "ProductVersion" FROM {table}'
# Rows of a table. No arguments; one row (count).
COUNT = "SELECT count(*) FROM {table}"
# Whether any row has a value in a column. No arguments; one row (1 or 0).
HAS_DATA = "SELECT EXISTS (SELECT FROM {table} WHERE {column} IS NOT NULL)::int"
# The last number that a sequence gave, 0 before the first. No arguments; one row (number).
LAST_NUMBER = "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {sequence}"


@dataclass(frozen=True)
class TargetColumn:
    """One writable column. `sequence` is the qualified, quoted name of what numbers it."""

    name: str
    type: str
    nullable: bool
    has_default: bool
    key_position: int
    sequence: str | None


@dataclass(frozen=True)
class TargetTable:
    """One table, its columns by name."""

    name: str
    columns: Mapping[str, TargetColumn]

    @property
    def key(self) -> tuple[TargetColumn, ...]:
        """The primary key's columns, in its order."""
        keyed = [column for column in self.columns.values() if column.key_position]
        return tuple(sorted(keyed, key=lambda column: column.key_position))


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key and the SQL that makes it again."""

    name: str
    table: str
    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]
    definition: str
    comment: str | None


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


def table_identifier(name: str) -> sql.Identifier:
    """A table of the server, qualified and quoted."""
    return sql.Identifier(SCHEMA, name)


def as_text(columns: Iterable[sql.Identifier]) -> sql.Composed:
    """Some columns as one text."""
    return sql.SQL("concat_ws(', ', {})").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(column) for column in columns)
    )


def read_tables(connection: Connection) -> Mapping[str, TargetTable]:
    """All tables of the server, by name."""
    columns: dict[str, dict[str, TargetColumn]] = {}
    for table, name, kind, required, has_default, position, sequence in connection.execute(COLUMNS, (SCHEMA,)):
        columns.setdefault(str(table), {})[str(name)] = TargetColumn(
            name=str(name),
            type=str(kind),
            nullable=not required,
            has_default=bool(has_default),
            key_position=int(str(position)),
            sequence=None if sequence is None else str(sequence),
        )
    return {name: TargetTable(name, found) for name, found in columns.items()}


def read_foreign_keys(connection: Connection) -> tuple[ForeignKey, ...]:
    """All foreign keys between tables of the server."""
    rows = connection.execute(FOREIGN_KEYS, (SCHEMA,)).fetchall()
    return tuple(
        ForeignKey(
            name=str(name),
            table=str(table),
            columns=_names(columns),
            ref_table=str(ref),
            ref_columns=_names(ref_columns),
            definition=str(definition),
            comment=None if comment is None else str(comment),
        )
        for name, table, columns, ref, ref_columns, definition, comment in rows
    )


def read_migration_history(connection: Connection) -> Mapping[str, str]:
    """The product version that applied each migration, by the migration's id."""
    rows = connection.execute(sql.SQL(HISTORY).format(table=table_identifier(HISTORY_TABLE)))
    return {str(identifier): str(version) for identifier, version in rows}


def count_rows(connection: Connection, table: str) -> int:
    """How many rows a table has."""
    return _number(connection, sql.SQL(COUNT).format(table=table_identifier(table)))


def column_has_data(connection: Connection, table: str, column: str) -> bool:
    """Whether any row has a value there."""
    query = sql.SQL(HAS_DATA).format(table=table_identifier(table), column=sql.Identifier(column))
    return bool(_number(connection, query))


def read_last_numbers(connection: Connection, tables: Iterable[TargetTable]) -> Mapping[str, int]:
    """The highest number that each numbered table's sequence ever gave; 0 when none yet."""
    sequences = [(table.name, column.sequence) for table in tables for column in table.columns.values()]
    return {
        # Already quoted by pg_get_serial_sequence.
        table: _number(connection, sql.SQL(LAST_NUMBER).format(sequence=sql.SQL(sequence)))  # pyright: ignore[reportArgumentType]
        for table, sequence in sequences
        if sequence is not None
    }


def stream(connection: Connection, query: sql.Composed) -> Generator[tuple[object, ...]]:
    """Rows as they come, a portion in memory at a time.

    Close it (`contextlib.closing`) when it may not be read to its end: until then it holds the connection, and a
    rollback would wait for ever.
    """
    with connection.cursor() as cursor:
        yield from cursor.stream(query, size=PORTION)


def _number(connection: Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(str(row[0])) if row else 0


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected an array of names from the catalog, got {value!r}")
    return tuple(str(name) for name in value)
