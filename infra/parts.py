"""How the parts of a stack are found in its cluster."""

from jellyfin_ha.components.common import selector
from jellyfin_ha.operations.status import Parts

DATABASE_SECRET = "jellyfin-postgres-credentials"
LEASE_STORE_SECRET = "jellyfin-redis-credentials"


def parts_of(stack: str) -> Parts:
    """The pod labels and the names of the Secrets of a stack's parts."""
    return Parts(
        server=selector("web", stack),
        database=selector("database", stack),
        lease_store=selector("lease-store", stack),
        database_secret=DATABASE_SECRET,
        lease_store_secret=LEASE_STORE_SECRET,
    )
