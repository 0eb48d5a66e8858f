"""The schema as plain values, read from the CSV files beside this module."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        sqlite_type: TEXT, INTEGER, REAL or BLOB.
        pg_type: the type the PostgreSQL provider gives it, e.g. `timestamp with time zone`.
        key_position: 1-based position in the primary key, or None.
        identity: an integer key that the database numbers itself.
    """

    table: str
    name: str
    sqlite_type: str
    pg_type: str
    nullable: bool
    key_position: int | None
    identity: bool


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key; every one of this version is ON DELETE CASCADE."""

    name: str
    table: str
    column: str
    ref_table: str
    ref_column: str


@dataclass(frozen=True)
class Index:
    """A secondary index; `filter_column` is the column that must not be NULL for a row to be indexed."""

    name: str
    table: str
    columns: tuple[str, ...]
    unique: bool
    filter_column: str | None


@dataclass(frozen=True)
class Table:
    """One table with everything that belongs to it."""

    name: str
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...]

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Names of the key columns in key order."""
        keys = [(c.key_position, c.name) for c in self.columns if c.key_position is not None]
        return tuple(name for _, name in sorted(keys))


@dataclass(frozen=True)
class Model:
    """The whole schema; `tables` stand in an order in which foreign keys can be satisfied (parents first)."""

    tables: tuple[Table, ...]
    indexes: tuple[Index, ...]
    sqlite_migrations: tuple[str, ...]
    postgres_migrations: tuple[str, ...]
    code_migrations: tuple[str, ...]

    def table(self, name: str) -> Table:
        """The table of that exact name.

        Raises:
            KeyError: there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)


@cache
def load_model() -> Model:
    """Reads the CSV files (once a process)."""
    columns = [_column(row) for row in _rows("columns.csv")]
    foreign_keys = [_foreign_key(row) for row in _rows("foreign_keys.csv")]
    names = dict.fromkeys(column.table for column in columns)
    tables = [
        Table(
            name,
            tuple(c for c in columns if c.table == name),
            tuple(f for f in foreign_keys if f.table == name),
        )
        for name in names
    ]
    unique = [_index(row, unique=True) for row in _rows("unique_indexes.csv")]
    plain = [_index(row, unique=False) for row in _rows("indexes.csv")]
    return Model(
        tables=tuple(_parents_first(tables)),
        indexes=tuple(unique + plain),
        sqlite_migrations=tuple(_text("sqlite_migrations.txt").split()),
        postgres_migrations=tuple(_text("postgres_migrations.txt").split()),
        code_migrations=tuple(row["migration_id"] for row in _rows("code_migrations.csv")),
    )


def _parents_first(tables: list[Table]) -> Iterator[Table]:
    waiting = list(tables)
    done: set[str] = set()
    while waiting:
        ready = [t for t in waiting if {f.ref_table for f in t.foreign_keys} <= done | {t.name}]
        if not ready:
            raise ValueError("the foreign keys form a circle")
        yield from ready
        done.update(t.name for t in ready)
        waiting = [t for t in waiting if t.name not in done]


def _text(name: str) -> str:
    return resources.files(__package__ or __name__).joinpath(name).read_text("utf-8")


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_text(name).splitlines()))


def _column(row: dict[str, str]) -> Column:
    return Column(
        table=row["table"],
        name=row["column"],
        sqlite_type=row["sqlite_type"],
        pg_type=row["pg_type"],
        nullable=row["nullable"] == "Y",
        key_position=int(row["pk"]) if row["pk"] else None,
        # A Guid key marked `auto` is made by the application, not by the database.
        identity=row["auto"] == "Y" and row["pg_type"] == "integer",
    )


def _foreign_key(row: dict[str, str]) -> ForeignKey:
    return ForeignKey(row["constraint"], row["table"], row["columns"], row["ref_table"], row["ref_columns"])


def _index(row: dict[str, str], *, unique: bool) -> Index:
    condition = row.get("filter") or ""
    return Index(
        name=row["index"],
        table=row["table"],
        columns=tuple(row["columns"].split("+")),
        unique=unique,
        filter_column=condition.removeprefix("[").removesuffix("] IS NOT NULL") or None,
    )
