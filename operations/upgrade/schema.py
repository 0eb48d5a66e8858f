"""Which server image has prepared the database's schema."""

from dataclasses import dataclass

import psycopg

from ..errors import UserError

# One row for each image that ever prepared this database: what the history of migrations held when it was done. It is
# part of the database, so that a dump that is put back brings back what held for it.
CREATE = """
CREATE SCHEMA IF NOT EXISTS jellyfin_ha;
CREATE TABLE IF NOT EXISTS jellyfin_ha.schema_version (
    image text PRIMARY KEY,
    migrations text[] NOT NULL,
    prepared_at timestamptz NOT NULL DEFAULT now()
);
"""

HISTORY = """
SELECT coalesce(array_agg("MigrationId"::text ORDER BY "MigrationId"), '{}') FROM public."__EFMigrationsHistory"
"""

RECORD = """
INSERT INTO jellyfin_ha.schema_version (image, migrations)
SELECT %s, coalesce(array_agg("MigrationId"::text ORDER BY "MigrationId"), '{}') FROM public."__EFMigrationsHistory"
ON CONFLICT (image) DO UPDATE SET migrations = excluded.migrations, prepared_at = excluded.prepared_at
RETURNING cardinality(migrations)
"""

EXISTS = "SELECT to_regclass(%s) IS NOT NULL"


@dataclass(frozen=True)
class SchemaState:
    """What the database says of its schema.

    Args:
        history: the migrations that were applied; empty for a database that no server has filled yet.
        prepared: what the history held when this image had prepared it; None when it never did.
    """

    history: frozenset[str]
    prepared: frozenset[str] | None

    def require_not_newer(self, image: str) -> None:
        """See that the schema has no migration that `image` does not know.

        Raises:
            UserError: it has; that version would not know it, or revert it and lose what it holds.
        """
        newer = self.history - self.prepared if self.prepared is not None else frozenset[str]()
        if newer:
            raise UserError(
                f"expected a server image at least as new as the database, found {image}, which does not know "
                f"{', '.join(sorted(newer))}: go on with the newer image, or put back the dump that was made before "
                "the upgrade (docs/upgrades.md)"
            )


def record_schema(conninfo: str, image: str) -> int:
    """Notes that `image` has prepared the schema; call it when its server has said that it is healthy.

    Returns:
        How many migrations the history holds.
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute(CREATE)
        row = connection.execute(RECORD, (image,)).fetchone()
    assert row is not None
    return int(row[0])


def read_schema(conninfo: str, image: str) -> SchemaState:
    """What the database says of its schema and of `image`."""
    with psycopg.connect(conninfo) as connection:
        history = _array(connection, HISTORY, ()) if _exists(connection, 'public."__EFMigrationsHistory"') else None
        query = "SELECT migrations FROM jellyfin_ha.schema_version WHERE image = %s"
        prepared = _array(connection, query, (image,)) if _exists(connection, "jellyfin_ha.schema_version") else None
    return SchemaState(history=history or frozenset(), prepared=prepared)


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute(EXISTS, (table,)).fetchone()
    return row is not None and bool(row[0])


def _array(connection: psycopg.Connection, query: str, values: tuple[str, ...]) -> frozenset[str] | None:
    row = connection.execute(query.encode(), values).fetchone()
    return frozenset(row[0]) if row is not None else None
