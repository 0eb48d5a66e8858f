"""Rows that refer to rows which do not exist, mended when the user asked for it.

SQLite keeps foreign keys only when a connection asks for it, so a file that was edited by hand or by an old server
may hold such rows. A reference that may be NULL is cleared; a row that must refer to something is left out. Either
is listed in full.
"""

from collections.abc import Collection, Mapping
from typing import cast

from psycopg import sql

from .constraints import is_orphan
from .normal import target_form
from .repairs import Key, Repair, Repairs, Rule
from .session import Connection
from .target import ForeignKey, TargetTable, table_identifier

# Rows that refer to nothing. No arguments. Rows: the columns of the primary key, the reference as text, the whole
# row as JSON text.
FIND = "SELECT {key}, {reference}, to_jsonb(child)::text FROM {table} AS child WHERE {is_orphan}"
# Clears a reference. No arguments, no results.
CLEAR = "UPDATE {table} AS child SET {cleared} WHERE {is_orphan}"
# Leaves rows out. No arguments, no results.
LEAVE_OUT = "DELETE FROM {table} AS child WHERE {is_orphan}"


def mend_references(
    connection: Connection, keys: Collection[ForeignKey], tables: Mapping[str, TargetTable], repairs: Repairs
) -> None:
    """Clear or leave out, until every reference of every foreign key leads to a row.

    Raises:
        UserError: exit code 1; more than can be listed.
    """
    # A row that is left out may have been what others refer to.
    while any(_mend(connection, key, tables[key.table], repairs) for key in keys):
        pass


def _mend(connection: Connection, key: ForeignKey, table: TargetTable, repairs: Repairs) -> bool:
    clearable = [name for name in key.columns if table.columns[name].nullable]
    parts = {"table": table_identifier(key.table), "is_orphan": is_orphan(key)}
    query = sql.SQL(FIND).format(
        key=sql.SQL(", ").join(target_form(column, table="child") for column in table.key),
        reference=sql.SQL("concat_ws(', ', {})").format(
            sql.SQL(", ").join(sql.Identifier("child", column) for column in key.columns)
        ),
        **parts,
    )
    found = False
    with connection.cursor("orphans") as cursor:
        for *row_key, reference, content in cursor.execute(query):
            found = True
            place = cast(Key, tuple(row_key))
            for name in clearable:
                repairs.add(Repair(key.table, place, name, Rule.CLEARED, str(reference), None))
            if not clearable:
                repairs.add(Repair(key.table, place, None, Rule.LEFT_OUT, str(content), None))
    if found and clearable:
        cleared = sql.SQL(", ").join(sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in clearable)
        connection.execute(sql.SQL(CLEAR).format(cleared=cleared, **parts))
    elif found:
        connection.execute(sql.SQL(LEAVE_OUT).format(**parts))
    return found
