"""What a deployment looks like right now."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from .cluster import Access, Cluster, PodState
from .deployment import database, lease_store
from .errors import UserError
from .leases import LeaseStatus
from .leases import status as read_leases
from .migration import MigrationRecord, read_record


@dataclass(frozen=True)
class Parts:
    """The pod labels and the names of the Secrets of a deployment's parts."""

    server: Mapping[str, str]
    database: Mapping[str, str]
    lease_store: Mapping[str, str]
    database_secret: str
    lease_store_secret: str


@dataclass(frozen=True)
class DeploymentStatus:
    """What was found.

    Args:
        servers: the server's replicas, by name.
        database_ready: whether PostgreSQL's pod is ready.
        lease_store_ready: whether Redis's pod is ready.
        migration: the record in the database; None when there is none or it cannot be asked.
        leases: who leads; None when the lease store cannot be asked.
        images: the images that the parts' pods run.
    """

    servers: tuple[PodState, ...]
    database_ready: bool
    lease_store_ready: bool
    migration: MigrationRecord | None
    leases: LeaseStatus | None
    images: Mapping[str, str]


async def read_status(access: Access, parts: Parts) -> DeploymentStatus:
    """Asks the cluster, the database and the lease store.

    Raises:
        UserError: the cluster does not answer. A part that is away is no error: it is reported as not ready.
    """
    cluster = await Cluster.connect(access)
    servers, databases, stores = await asyncio.gather(
        cluster.pods(parts.server), cluster.pods(parts.database), cluster.pods(parts.lease_store)
    )
    migration, leases = await asyncio.gather(_migration(cluster, parts), _leases(cluster, parts))
    running = {"server": servers, "database": databases, "lease_store": stores}
    return DeploymentStatus(
        servers=tuple(servers),
        database_ready=any(pod.ready for pod in databases),
        lease_store_ready=any(pod.ready for pod in stores),
        migration=migration,
        leases=leases,
        images={part: pods[0].images[0] for part, pods in running.items() if pods},
    )


async def _migration(cluster: Cluster, parts: Parts) -> MigrationRecord | None:
    try:
        async with database(cluster, secret_name=parts.database_secret, selector=parts.database) as conninfo:
            return await asyncio.to_thread(read_record, conninfo)
    except UserError:
        return None


async def _leases(cluster: Cluster, parts: Parts) -> LeaseStatus | None:
    try:
        async with lease_store(cluster, secret_name=parts.lease_store_secret, selector=parts.lease_store) as endpoint:
            return await asyncio.to_thread(read_leases, endpoint)
    except UserError:
        return None
