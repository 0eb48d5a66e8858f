"""Indexes around the copy: dropped before it and built after it, which takes half the time."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from psycopg import errors, sql

from .problems import Problems
from .session import Connection
from .target import SCHEMA, TargetTable, as_text, table_identifier

# Primary keys and secondary indexes that can be dropped and made again whole from their definition. Arguments: schema.
# Rows: table, name, whether it is the primary key, columns, definition as SQL writes it.
# Left out, and so kept during the copy, are those that are more than their definition: behind another constraint,
# invalid, marked for clustering or replication, in a tablespace of their own, with options or a comment, with
# statistics targets, or with something else (but the key itself) that depends on them. Foreign keys depend on primary
# keys: drop those first.
INDEXES = """
SELECT t.relname, i.relname, x.indisprimary,
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY (x.indkey)),
       CASE WHEN x.indisprimary THEN pg_get_constraintdef(k.oid) ELSE pg_get_indexdef(x.indexrelid) END
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class t ON t.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid
 WHERE n.nspname = %s AND t.relkind = 'r' AND i.reltablespace = 0
   AND (k.oid IS NULL AND NOT x.indisprimary OR k.contype = 'p' AND i.reloptions IS NULL)
   AND x.indisvalid AND NOT x.indisclustered AND NOT x.indisreplident
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE (d.refclassid, d.refobjid) IN (('pg_class'::regclass, x.indexrelid),
                                                         ('pg_constraint'::regclass, k.oid))
                      AND (d.classid, d.objid) <> ('pg_class'::regclass, x.indexrelid))
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid AND d.deptype IN ('e', 'x'))
   AND NOT EXISTS (SELECT FROM pg_description d
                    WHERE (d.classoid, d.objoid) IN (('pg_class'::regclass, x.indexrelid),
                                                     ('pg_constraint'::regclass, k.oid)))
   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.indexrelid AND a.attstattarget > 0)
 ORDER BY t.relname, x.indisprimary DESC, i.relname
"""
# Drops one index or key. No arguments, no results.
DROP = "DROP INDEX {index}"
DROP_KEY = "ALTER TABLE {table} DROP CONSTRAINT {name}"
# The row with the longest values of an index, as they are stored. No arguments; one row (its primary key as text).
LONGEST = "SELECT {key} FROM {table} ORDER BY {size} DESC LIMIT 1"
# Makes a primary key again. No arguments, no results.
ADD_KEY = "ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"


@dataclass(frozen=True)
class Index:
    """An index, or a primary key, and the SQL that makes it again."""

    table: str
    name: str
    primary: bool
    columns: tuple[str, ...]
    definition: str

    def drop(self) -> sql.Composed:
        """The statement that takes it away."""
        if self.primary:
            return sql.SQL(DROP_KEY).format(table=table_identifier(self.table), name=sql.Identifier(self.name))
        return sql.SQL(DROP).format(index=sql.Identifier(SCHEMA, self.name))

    def build(self) -> sql.Composed | sql.SQL:
        """The statement that makes it again."""
        # The catalog's own words, which no parameter can carry.
        definition = sql.SQL(self.definition)  # pyright: ignore[reportArgumentType]
        if not self.primary:
            return definition
        return sql.SQL(ADD_KEY).format(
            table=table_identifier(self.table), name=sql.Identifier(self.name), definition=definition
        )


def read_indexes(connection: Connection, tables: Collection[str]) -> tuple[Index, ...]:
    """The indexes of some tables that can be dropped and made again, each table's primary key first."""
    rows = connection.execute(INDEXES, (SCHEMA,)).fetchall()
    found = [
        Index(str(table), str(name), bool(primary), tuple(map(str, cast(list[object], columns))), str(definition))
        for table, name, primary, columns, definition in rows
    ]
    return tuple(index for index in found if index.table in tables)


def drop_indexes(connection: Connection, indexes: Iterable[Index]) -> None:
    """Take the indexes away."""
    for index in indexes:
        connection.execute(index.drop())


def build_indexes(
    connection: Connection,
    indexes: Iterable[Index],
    tables: Mapping[str, TargetTable],
    problems: Problems,
    on_index: Callable[[Index], None],
) -> None:
    """Put the indexes back.

    Args:
        connection: to the target.
        indexes: as they were.
        tables: the target's.
        problems: takes what is longer than an index can hold.
        on_index: told of each before it is built.
    """
    for index in indexes:
        on_index(index)
        try:
            with connection.transaction():
                connection.execute(index.build())
        except errors.ProgramLimitExceeded:
            query = sql.SQL(LONGEST).format(
                key=as_text(sql.Identifier(column.name) for column in tables[index.table].key),
                table=table_identifier(index.table),
                size=sql.SQL(" + ").join(
                    sql.SQL("coalesce(pg_column_size({}), 0)").format(sql.Identifier(name)) for name in index.columns
                ),
            )
            (key,) = connection.execute(query).fetchone() or ("",)
            problems.add(
                f"table {index.table}, key ({key}), column {', '.join(index.columns)}: longer than an index of the "
                f"target can hold ({index.name})"
            )
