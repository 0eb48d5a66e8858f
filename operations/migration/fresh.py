"""Whether the target holds only what a new server writes by itself."""

from collections.abc import Collection, Mapping

from psycopg import sql

from ..errors import UserError
from .referring import Referring, also_emptied
from .session import Connection
from .target import count_rows, table_identifier

PLACEHOLDER_ITEM = "00000000-0000-0000-0000-000000000001"
# Filled by a server's first start: the root folders with their ancestors, one user with what belongs to it.
WRITTEN_BY_A_NEW_SERVER = frozenset({"ActivityLogs", "AncestorIds", "BaseItems", "Permissions", "Preferences", "Users"})
INITIAL_USERS = 1

# Items that somebody's library brought: no folders, and not the placeholder. Arguments: the placeholder's id.
COUNT_MEDIA = 'SELECT count(*) FROM {table} WHERE NOT "IsFolder" AND "Id" <> %s::uuid'

# Users who can have logged in. No arguments.
COUNT_PASSWORDS = 'SELECT count(*) FROM {table} WHERE "Password" IS NOT NULL'


def require_fresh(connection: Connection, tables: Collection[str], referring: Mapping[str, Referring]) -> None:
    """Refuse a target in which somebody's data would be lost.

    Args:
        connection: to the target.
        tables: all tables that would be emptied.
        referring: those of them that the source does not have.

    Raises:
        UserError: exit code 1; names every table with more than a new server writes.
    """
    found: list[str] = []
    for table in sorted(tables):
        place = table_identifier(table)
        if table == "BaseItems":
            media = _count(connection, sql.SQL(COUNT_MEDIA).format(table=place), PLACEHOLDER_ITEM)
            if media:
                found.append(f"BaseItems: {media} items that are no folders")
            continue
        rows = count_rows(connection, table)
        if table == "Users" and rows > INITIAL_USERS:
            found.append(f"Users: {rows}, a new server has {INITIAL_USERS}")
        elif table == "Users" and _count(connection, sql.SQL(COUNT_PASSWORDS).format(table=place)):
            found.append("Users: one with a password, so somebody has set the server up")
        elif table not in WRITTEN_BY_A_NEW_SERVER and rows:
            found.append(f"{table}: {rows} rows")
    if found:
        raise UserError(
            "the target is in use and is left as it is: it holds more than a new server writes by itself ("
            + "; ".join(found)
            + "). Give a database on which the server image was started once and nobody logged in, or overwrite "
            f"this one with --replace.{also_emptied(referring)}"
        )


def _count(connection: Connection, query: sql.Composed, *arguments: str) -> int:
    row = connection.execute(query, arguments or None).fetchone()
    return int(str(row[0])) if row else 0
