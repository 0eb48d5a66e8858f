"""What a later version of the server does to the database of an earlier one: a migration more.

Like Jellyfin it takes no lock, and no transaction spans its steps: one that fails leaves half of its work behind.
"""

import logging
from dataclasses import dataclass

from .database import Database
from .new_database import insert

_LOG = logging.getLogger("Jellyfin.Server.Migrations")
EF_VERSION = "10.0.0"


@dataclass(frozen=True)
class _Applied:
    applied: bool


async def migrate(database: Database, migration: str, *, fails: bool) -> None:
    """Applies a migration that the history does not hold yet.

    Args:
        database: where.
        migration: its id, as the history keeps it.
        fails: stop half-way, with rows gone.

    Raises:
        RuntimeError: it was to fail.
    """
    known = 'SELECT EXISTS (SELECT FROM "__EFMigrationsHistory" WHERE "MigrationId" = %s) AS applied'
    if (await database.fetch(_Applied, known, (migration,)))[0].applied:
        return
    _LOG.info("Applying migration %s", migration)
    await database.execute('ALTER TABLE "BaseItems" ADD COLUMN IF NOT EXISTS "LaterVersion" text')
    if fails:
        await database.execute('DELETE FROM "UserData"')
        raise RuntimeError(f"migration {migration} failed, as it was told to")
    async with database.transaction() as connection:
        await insert(connection, "__EFMigrationsHistory", {"MigrationId": migration, "ProductVersion": EF_VERSION})
