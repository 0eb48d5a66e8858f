"""Writes the sample's `jellyfin.db`."""

import sqlite3
from pathlib import Path

from ..mediaserver.schema import Model, load_model
from ..mediaserver.schema.ddl import sqlite_ddl
from .details import detail_tables
from .history import history_tables
from .items import item_rows
from .users import user_tables
from .values import Tables

EF_VERSION = "9.0.11"
JELLYFIN_VERSION = "10.11.11.0"


def write_database(path: Path, media: Path) -> None:
    """Writes a new SQLite file with the whole schema and the sample's rows.

    Args:
        path: the file; must not exist.
        media: the folder of the files, which the rows call `/media`.
    """
    model = load_model()
    tables = sample_tables(media)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in sqlite_ddl(model):
            connection.execute(statement)
        for table in model.tables:
            _insert(connection, table.name, tables)
        write_history(connection, model)
        connection.commit()
    finally:
        connection.close()


def write_history(connection: sqlite3.Connection, model: Model) -> None:
    """Notes what a server of this version has done: the schema's migrations, and its own of the data."""
    history = [(name, EF_VERSION) for name in model.sqlite_migrations]
    history += [(name, JELLYFIN_VERSION) for name in model.code_migrations]
    connection.executemany('INSERT INTO "__EFMigrationsHistory" VALUES (?, ?)', sorted(history))


def sample_tables(media: Path) -> Tables:
    """Every row of the sample, by table."""
    return user_tables() | {"BaseItems": item_rows(media)} | detail_tables() | history_tables()


def _insert(connection: sqlite3.Connection, table: str, tables: Tables) -> None:
    for row in tables[table]:
        columns = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        # Names come from this package, values are bound.
        statement = f'INSERT INTO "{table}" ({columns}) VALUES ({marks})'  # noqa: S608
        connection.execute(statement, list(row.values()))
