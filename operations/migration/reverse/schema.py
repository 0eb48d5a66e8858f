"""The schema of a new `jellyfin.db`: that of a file which a server of the same version made."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..source import HISTORY_TABLE, quoted

# The statements that made a file's tables (first) and everything that hangs on them. No arguments.
# Rows: 1 for a table, 0 for anything else; the statement. SQLite's own tables have none.
STATEMENTS = """
SELECT type = 'table', sql FROM sqlite_master
 WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid
"""
# Columns of one table. Argument: the table's name. Rows: name, whether a row can do without it.
COLUMNS = 'SELECT name, NOT "notnull" OR dflt_value IS NOT NULL FROM pragma_table_xinfo(?) WHERE hidden = 0'
# Settings that live in the file. Their values are numbers.
SETTINGS = ("page_size", "user_version", "application_id")
# SQLite's file format, "File format version numbers": the version to write with, and the one that means a log.
WRITE_VERSION_OFFSET = 18
LOGGED = b"\x02"


@dataclass(frozen=True)
class FileSchema:
    """Whether a row can do without a column, by table and column."""

    columns: Mapping[str, Mapping[str, bool]]


def read_schema(like: sqlite3.Connection, tables: Mapping[str, tuple[str, ...]]) -> FileSchema:
    """The columns of the file's tables."""
    return FileSchema(
        {table: {str(name): bool(optional) for name, optional in like.execute(COLUMNS, (table,))} for table in tables}
    )


def journal_mode(like: Path) -> str:
    """How the other file's writers protect it. Its header tells; a connection that is sure of being alone does not."""
    with like.open("rb") as content:
        content.seek(WRITE_VERSION_OFFSET)
        return "wal" if content.read(1) == LOGGED else "delete"


def make_tables(like: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Empty tables as in the other file, its settings, and its history of migrations."""
    for setting in SETTINGS:
        (value,) = like.execute(f"PRAGMA {setting}").fetchone()
        new.execute(f"PRAGMA {setting} = {int(value)}")
    for is_table, statement in like.execute(STATEMENTS):
        if is_table:
            new.execute(statement)
    history = quoted(HISTORY_TABLE)
    new.executemany(
        f"INSERT INTO {history} VALUES (?, ?)",  # noqa: S608
        like.execute(f'SELECT "MigrationId", "ProductVersion" FROM {history}'),  # noqa: S608
    )


def make_the_rest(like: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Indexes, triggers and views, once the tables are filled."""
    for is_table, statement in like.execute(STATEMENTS):
        if not is_table:
            new.execute(statement)


def continue_numbers(new: sqlite3.Connection, highest: Mapping[str, int]) -> None:
    """Let each numbered table go on after the highest number it ever gave, deleted rows included."""
    for table, number in highest.items():
        known = new.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, table))
        if not known.rowcount:
            new.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))
