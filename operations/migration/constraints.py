"""Foreign keys and identity sequences around the copy, with no right beyond the tables' owner's."""

from collections.abc import Collection, Iterable, Mapping

from psycopg import errors, sql

from .convert import INTEGER_BITS
from .problems import Problems
from .session import Connection
from .target import ForeignKey, TargetTable, as_text, table_identifier

EXAMPLES = 5

# Drops one foreign key. No arguments, no results.
DROP = "ALTER TABLE {table} DROP CONSTRAINT {name}"
# Makes it again, as the catalog described it. No arguments, no results.
ADD = "ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
COMMENT = "COMMENT ON CONSTRAINT {name} ON {table} IS {comment}"
# Rows that refer to nothing. Arguments: how many to show.
# Rows: the row's primary key as text, what it refers to as text, how many there are in all.
ORPHANS = """
SELECT {key}, {reference}, count(*) OVER () FROM {table} AS child WHERE {is_orphan} ORDER BY 1 LIMIT %s
"""
# Whether a row, `child`, refers to nothing. No arguments.
IS_ORPHAN = "{filled} AND NOT EXISTS (SELECT 1 FROM {ref_table} AS parent WHERE {pairs})"
# The highest number in use. No arguments; one row (number or null).
HIGHEST = "SELECT max({column}) FROM {table}"
# Sets what the next row gets; undone by a rollback, unlike setval. No arguments, no results.
RESTART = "ALTER SEQUENCE {sequence} RESTART WITH {number}"


def touching(keys: Iterable[ForeignKey], tables: Collection[str]) -> tuple[ForeignKey, ...]:
    """The foreign keys from or to any of some tables."""
    return tuple(key for key in keys if key.table in tables or key.ref_table in tables)


def drop_foreign_keys(connection: Connection, keys: Iterable[ForeignKey]) -> None:
    """Take the keys away, so that tables can be filled in any order."""
    for key in keys:
        connection.execute(sql.SQL(DROP).format(table=table_identifier(key.table), name=sql.Identifier(key.name)))


def add_foreign_keys(
    connection: Connection,
    keys: Iterable[ForeignKey],
    tables: Mapping[str, TargetTable],
    problems: Problems,
) -> None:
    """Put the keys back; PostgreSQL checks every row. Rows that break one are told as problems instead."""
    for key in keys:
        add = sql.SQL(ADD).format(
            table=table_identifier(key.table),
            name=sql.Identifier(key.name),
            # pg_get_constraintdef's own words, which no parameter can carry.
            definition=sql.SQL(key.definition),  # pyright: ignore[reportArgumentType]
        )
        try:
            with connection.transaction():
                connection.execute(add)
            if key.comment is not None:
                connection.execute(
                    sql.SQL(COMMENT).format(
                        name=sql.Identifier(key.name),
                        table=table_identifier(key.table),
                        comment=sql.Literal(key.comment),
                    )
                )
        except errors.ForeignKeyViolation:
            orphans = connection.execute(_orphans(key, tables[key.table]), (EXAMPLES,)).fetchall()
            _tell(problems, key, orphans)


def continue_sequences(connection: Connection, tables: Iterable[TargetTable], highest_ever: Mapping[str, int]) -> None:
    """Let every numbered column go on after the highest number, deleted rows of the source included.

    Args:
        connection: to the target.
        tables: those that were filled.
        highest_ever: what the source remembers as the highest number a table ever gave.
    """
    for table in tables:
        for column in table.columns.values():
            if column.sequence is None:
                continue
            query = sql.SQL(HIGHEST).format(column=sql.Identifier(column.name), table=table_identifier(table.name))
            row = connection.execute(query).fetchone()
            in_use = int(str(row[0])) if row and row[0] is not None else 0
            following = max(in_use, highest_ever.get(table.name, 0)) + 1
            connection.execute(
                sql.SQL(RESTART).format(
                    # Already quoted by pg_get_serial_sequence.
                    sequence=sql.SQL(column.sequence),  # pyright: ignore[reportArgumentType]
                    # A table whose numbers are used up takes no new row, there as here.
                    number=sql.Literal(min(following, (1 << INTEGER_BITS[column.type] - 1) - 1)),
                )
            )


def is_orphan(key: ForeignKey) -> sql.Composed:
    """The condition that a row, under the alias `child`, refers by `key` to a row that does not exist."""
    child = [sql.Identifier("child", column) for column in key.columns]
    parent = [sql.Identifier("parent", column) for column in key.ref_columns]
    return sql.SQL(IS_ORPHAN).format(
        ref_table=table_identifier(key.ref_table),
        filled=sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(column) for column in child),
        pairs=sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(one, other) for one, other in zip(parent, child, strict=True)
        ),
    )


def _orphans(key: ForeignKey, table: TargetTable) -> sql.Composed:
    return sql.SQL(ORPHANS).format(
        key=as_text([sql.Identifier("child", column.name) for column in table.key]),
        reference=as_text([sql.Identifier("child", column) for column in key.columns]),
        table=table_identifier(key.table),
        is_orphan=is_orphan(key),
    )


def _tell(problems: Problems, key: ForeignKey, orphans: Iterable[tuple[object, ...]]) -> None:
    for number, (row, reference, count) in enumerate(orphans):
        problems.add(
            f"table {key.table}, key ({row}), column {', '.join(key.columns)}: refers to {reference}, "
            f"which {key.ref_table} does not have",
            times=int(str(count)) - EXAMPLES + 1 if number == EXAMPLES - 1 else 1,
        )
