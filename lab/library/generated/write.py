"""Writes a generated `jellyfin.db`."""

import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress, silent

from ...mediaserver.schema import Model, load_model
from ...mediaserver.schema.ddl import sqlite_indexes, sqlite_tables
from ..database import write_history
from ..values import Row
from .rows import database_rows

# Fewer would leave tables empty.
MINIMUM_ITEMS = 100
BATCH_ROWS = 500
# The file is thrown away when anything goes wrong: no journal is needed, nor a word from the disk.
PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -49152")
# What the rows take of the whole time; the rest are the indexes.
ROWS_SHARE = 0.8
# Numbers that were given after the last row's and are free again, so that the counters are ahead of the rows.
DELETED_AT_THE_END = 3
# Sets the counters of the tables that number their rows. Argument: by how much.
COUNT_ON = "UPDATE sqlite_sequence SET seq = seq + ?"


def write_sample_database(path: Path, items: int, seed: int = 1, progress: Progress = silent) -> Mapping[str, int]:
    """Writes the database of a single server with a library of that size; the same content each time.

    Args:
        path: the file; must not exist, and does not until it is complete.
        items: rows of `BaseItems`, at least `MINIMUM_ITEMS`; there are about 22 rows for each in all.
        seed: another one gives another library.
        progress: told what is being made.

    Returns:
        The number of rows by table.

    Raises:
        UserError: exit code 2: the file exists, cannot be made there, or too few items are asked for; exit code 1:
            it cannot be written, for example because the disk is full. Nothing half made stays.
    """
    _check(path, items)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            scratch = Path(folder) / path.name
            counts = _write(scratch, items, seed, progress)
            scratch.rename(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise UserError(f"expected to write {path}, found that it cannot be: {error}") from error
    return counts


def _check(path: Path, items: int) -> None:
    if items < MINIMUM_ITEMS:
        raise UserError(f"expected at least {MINIMUM_ITEMS} items, found {items}: ask for more", exit_code=2)
    if path.exists():
        raise UserError(
            f"expected {path} not to exist, found it: remove it or give another name; nothing was written",
            exit_code=2,
        )
    if not path.parent.is_dir():
        raise UserError(f"expected a folder {path.parent} to write into, found none: make it first", exit_code=2)


def _write(path: Path, items: int, seed: int, progress: Progress) -> Mapping[str, int]:
    model = load_model()
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for statement in sqlite_tables(model):
            connection.execute(statement)
        write_history(connection, model)
        counts = _insert_all(connection, model, items, seed, progress)
        connection.execute(COUNT_ON, (DELETED_AT_THE_END,))
        connection.execute("COMMIT")
        indexes = sqlite_indexes(model)
        for number, statement in enumerate(indexes):
            progress("indexes", ROWS_SHARE + (1 - ROWS_SHARE) * number / len(indexes))
            connection.execute(statement)
        # As a server leaves its file.
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    return counts


def _insert_all(
    connection: sqlite3.Connection, model: Model, items: int, seed: int, progress: Progress
) -> Mapping[str, int]:
    batches = {
        table.name: _Batch(connection, table.name, tuple(column.name for column in table.columns))
        for table in model.tables
    }

    def shown(message: str, fraction: float | None = None, /) -> None:
        progress(message, None if fraction is None else fraction * ROWS_SHARE)

    for table, row in database_rows(Random(seed), items, shown):
        batches[table].add(row)
    for batch in batches.values():
        batch.flush()
    return {name: batch.count for name, batch in batches.items()}


class _Batch:
    """Rows of one table on their way into the file.

    Args:
        columns: all of the table; a row need not have all, but no others.
    """

    def __init__(self, connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> None:
        self._connection = connection
        names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join(f":{column}" for column in columns)
        # Names come from the schema, values are bound.
        self._statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608
        self._blank: Row = dict.fromkeys(columns)
        self._waiting: list[Row] = []
        self.count = 0

    def add(self, row: Row) -> None:
        """Takes a row."""
        self._waiting.append({**self._blank, **row})
        if len(self._waiting) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Inserts what has been taken."""
        self._connection.executemany(self._statement, self._waiting)
        self.count += len(self._waiting)
        self._waiting.clear()
