"""The old server's `jellyfin.db`: checked, fingerprinted, and read without ever being written."""

import os
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from .image import beside, fingerprint

SQLITE_MAGIC = b"SQLite format 3\0"
HISTORY_TABLE = "__EFMigrationsHistory"
# Tables that a Jellyfin database has since 10.11, when the library moved into jellyfin.db.
JELLYFIN_TABLES = frozenset({"BaseItems", "Users", HISTORY_TABLE})
BUSY_SECONDS = 10.0
ENCODING = "UTF-8"
# What SQLite says when a file cannot grow.
NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE})

# Whether a time, the column {c}, has the form that the server writes: yyyy-MM-dd HH:mm:ss, with up to 7 digits of a
# second and without a zone. julianday() knows hours from minutes, and is the quickest of all ways to look; but it takes
# 24 for an hour and spaces for seconds, and all functions but instr() stop at a NUL.
PLAIN_MOMENT = (
    "(julianday({c}) IS NOT NULL AND length({c}) BETWEEN 19 AND 27"
    " AND substr({c}, 11, 9) BETWEEN ' 00:00:00' AND ' 23:59:59'"
    " AND substr({c}, 20, 1) IN ('', '.') AND substr({c}, -6, 1) NOT IN ('+', '-')"
    " AND substr({c}, -1) BETWEEN '0' AND '9' AND instr({c}, char(0)) = 0)"
)

# Tables of the file but those SQLite keeps for itself. No arguments; one row (name) a table.
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
# Views of the file. No arguments; one row (name) a view.
VIEWS = "SELECT name FROM sqlite_master WHERE type = 'view'"
# Columns of one table, computed ones included. Argument: the table's name; one row (name) a column.
COLUMNS = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1"
# Whether a column is computed from others. Arguments: the table's name, the column's; one row (boolean).
COMPUTED = "SELECT hidden <> 0 FROM pragma_table_xinfo(?) WHERE name = ?"
# Ids of all migrations ever applied. No arguments; rows (id, product version).
HISTORY = 'SELECT "MigrationId", "ProductVersion" FROM "__EFMigrationsHistory"'
# The highest key that AUTOINCREMENT ever gave, deleted rows included. No arguments; rows (table, value).
AUTOINCREMENT = "SELECT name, CAST(seq AS INTEGER) FROM sqlite_sequence"


@contextmanager
def careful_text(connection: sqlite3.Connection) -> Generator[None]:
    """Within the block, bytes of text that are no UTF-8 arrive as lone surrogates instead of ending the query."""
    before = connection.text_factory
    connection.text_factory = _with_surrogates
    try:
        yield
    finally:
        connection.text_factory = before


def _with_surrogates(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def registered(
    connection: sqlite3.Connection, name: str, function: Callable[..., str | bytes | int | float | None]
) -> None:
    """Make a function of one argument callable in SQLite's SQL; an exception in it ends the query."""
    connection.create_function(name, 1, function, deterministic=True)


def quoted(identifier: str) -> str:
    """An identifier as SQLite's SQL wants it."""
    return '"' + identifier.replace('"', '""') + '"'


def check_source(path: Path) -> str:
    """See that a file is a Jellyfin database and tell its fingerprint, without changing anything.

    The fingerprint is that of `image.fingerprint`: the same as long as nobody writes.

    Returns:
        `sha256:` and 64 hexadecimal digits.

    Raises:
        UserError: exit code 2: no such file, no SQLite file, or not the database of a Jellyfin server >= 10.11.
    """
    with open_source(path):
        return fingerprint(path)


@contextmanager
def open_source(path: Path) -> Generator[sqlite3.Connection]:
    """The database, read-only and in one read transaction: all reads see one state.

    Raises:
        UserError: exit code 2, as `check_source`; also when SQLite finds the file damaged, whenever it is read. 1 when
            there is no room to sort it.
    """
    _require_sqlite_file(path)
    try:
        connection = sqlite3.connect(_uri(path), uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    try:
        connection.execute("BEGIN")
        (encoding,) = connection.execute("PRAGMA encoding").fetchone()
        if encoding != ENCODING:
            # SQLite translates broken text into other text, and nobody could tell.
            raise UserError(
                f"{path}: expected text in {ENCODING}, as servers write it, found {encoding}. Copy it into a new file "
                "with `sqlite3 jellyfin.db .dump | sqlite3 new.db` and give that one.",
                exit_code=2,
            )
        missing = JELLYFIN_TABLES - set(read_tables(connection))
        if missing:
            raise UserError(
                f"{path} is not the database of a Jellyfin server: it has no table {', '.join(sorted(missing))}. "
                "Give the file data/jellyfin.db of a stopped server of version 10.11 or later (10.10 and older "
                "keep the library elsewhere: upgrade that server first).",
                exit_code=2,
            )
        yield connection
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    finally:
        connection.close()


def read_tables(connection: sqlite3.Connection) -> Mapping[str, tuple[str, ...]]:
    """The columns of each table, by name."""
    names = [str(name) for (name,) in connection.execute(TABLES)]
    return {name: tuple(str(column) for (column,) in connection.execute(COLUMNS, (name,))) for name in names}


def read_views(connection: sqlite3.Connection) -> frozenset[str]:
    """The names of all views."""
    return frozenset(str(name) for (name,) in connection.execute(VIEWS))


def read_history(connection: sqlite3.Connection) -> Mapping[str, str]:
    """The product version that applied each migration, by the migration's id."""
    return {str(identifier): str(version) for identifier, version in connection.execute(HISTORY)}


def read_autoincrement(connection: sqlite3.Connection) -> Mapping[str, int]:
    """The highest key that each table ever gave; empty when no table counts."""
    counted = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone()
    if not counted:
        return {}
    return {str(table): int(value or 0) for table, value in connection.execute(AUTOINCREMENT)}


def count_rows(connection: sqlite3.Connection, table: str) -> int:
    """How many rows a table has."""
    (count,) = connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()  # noqa: S608
    return int(count)


def count_cut_moments(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> int:
    """How many timestamps of a table, in the server's own form, have a 7th digit of a second that is not zero.

    Args:
        connection: to the source.
        table: its name.
        columns: the columns with timestamps, quoted.
    """
    counts = " + ".join(f"total(length({column}) > 26 AND substr({column}, 27) <> '0')" for column in columns)
    (count,) = connection.execute(f"SELECT {counts} FROM {quoted(table)}").fetchone()  # noqa: S608
    return int(count)


def column_has_data(connection: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether any row has a value of its own there; what is computed from other columns is none."""
    if connection.execute(COMPUTED, (table, column)).fetchone() == (1,):
        return False
    query = f"SELECT EXISTS (SELECT 1 FROM {quoted(table)} WHERE {quoted(column)} IS NOT NULL)"  # noqa: S608
    return bool(connection.execute(query).fetchone()[0])


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _uri(path: Path) -> str:
    """A read-only URI. A file that was closed in order is also immutable: then SQLite makes no file beside it
    and needs no write access to the folder, which a read-only mount would not give."""
    immutable = "" if _has_content(beside(path, "-wal")) else "&immutable=1"
    return f"{path.resolve().as_uri()}?mode=ro{immutable}"


def _require_sqlite_file(path: Path) -> None:
    try:
        with path.open("rb") as content:
            magic = content.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise UserError(
            f"cannot read the SQLite database {path}: {error.strerror}. Give the path of the old server's "
            "data/jellyfin.db.",
            exit_code=2,
        ) from error
    if magic != SQLITE_MAGIC:
        raise UserError(
            f"{path} is not a SQLite database: it starts with {magic!r}. Give the old server's data/jellyfin.db.",
            exit_code=2,
        )
    if _has_content(beside(path, "-journal")):
        raise UserError(
            f"{beside(path, '-journal')} shows a write that never finished. Start the old server once and stop "
            "it in order, then try again.",
            exit_code=2,
        )


def _unreadable(path: Path, error: sqlite3.Error) -> UserError:
    # Errors that Python's module raises by itself have no code.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    log = beside(path, "-wal")
    if code == sqlite3.SQLITE_CANTOPEN and _has_content(log) and not os.access(log.parent, os.W_OK):
        return UserError(
            f"expected a folder that can be written to around {path}, whose log holds its latest rows: SQLite reads a "
            f"log only with a -shm file, and cannot make one in {log.parent}. Copy {path.resolve().name} together with "
            f"{log.name} into another folder, and give the copy.",
            exit_code=2,
        )
    if code in NO_ROOM:
        # The file is only read, so that it can be no other that was written to.
        return UserError(
            f"no room for SQLite's temporary files: {error}. {path} is not to blame, and nothing was changed. Name a "
            "folder with room for them in the environment variable SQLITE_TMPDIR, then try again."
        )
    return UserError(
        f"SQLite cannot read {path}: {error}. Stop the old server, check the file with "
        '`sqlite3 jellyfin.db "PRAGMA integrity_check"`, and see that its -wal file was copied with it.',
        exit_code=2,
    )
