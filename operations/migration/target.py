"""What the server made in PostgreSQL: read from the catalog, never assumed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from psycopg import sql

from .session import Connection
from .source import HISTORY_TABLE

# Every known provider of Jellyfin keeps its tables in PostgreSQL's default schema.
SCHEMA = "public"

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


def _number(connection: Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(str(row[0])) if row else 0


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected an array of names from the catalog, got {value!r}")
    return tuple(str(name) for name in value)
