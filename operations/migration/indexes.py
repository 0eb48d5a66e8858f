"""Secondary indexes around the copy: dropped before it and built after it, which takes half the time."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from psycopg import sql

from .target import SCHEMA, Connection

# Indexes that can be dropped and made again whole from their definition. Arguments: schema.
# Rows: table, name, definition as SQL writes it. Left out, and so kept during the copy, are those that are more than
# their definition: behind a constraint, invalid, marked for clustering or replication, in a tablespace of their own,
# with a comment, with statistics targets, or with something else that depends on them.
INDEXES = """
SELECT t.relname, i.relname, pg_get_indexdef(x.indexrelid)
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class t ON t.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE n.nspname = %s AND t.relkind = 'r' AND i.reltablespace = 0
   AND x.indisvalid AND NOT x.indisprimary AND NOT x.indisclustered AND NOT x.indisreplident
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indexrelid)
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid AND d.deptype = 'e')
   AND NOT EXISTS (SELECT FROM pg_description d
                    WHERE d.classoid = 'pg_class'::regclass AND d.objoid = x.indexrelid)
   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.indexrelid AND a.attstattarget > 0)
 ORDER BY t.relname, i.relname
"""
# Drops one index. No arguments, no results.
DROP = "DROP INDEX {index}"


@dataclass(frozen=True)
class Index:
    """An index and the SQL that makes it again."""

    table: str
    name: str
    definition: str


def read_indexes(connection: Connection, tables: Collection[str]) -> tuple[Index, ...]:
    """The indexes of some tables that can be dropped and made again."""
    rows = connection.execute(INDEXES, (SCHEMA,)).fetchall()
    found = [Index(str(table), str(name), str(definition)) for table, name, definition in rows]
    return tuple(index for index in found if index.table in tables)


def drop_indexes(connection: Connection, indexes: Iterable[Index]) -> None:
    """Take the indexes away."""
    for index in indexes:
        connection.execute(sql.SQL(DROP).format(index=sql.Identifier(SCHEMA, index.name)))


def build_indexes(connection: Connection, indexes: Iterable[Index], on_index: Callable[[Index], None]) -> None:
    """Put the indexes back.

    Args:
        connection: to the target.
        indexes: as they were.
        on_index: told of each before it is built.
    """
    for index in indexes:
        on_index(index)
        # pg_get_indexdef's own words, which no parameter can carry.
        connection.execute(sql.SQL(index.definition))  # pyright: ignore[reportArgumentType]
