"""The parts of a running deployment, as operations reach them from outside the cluster."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from psycopg.conninfo import make_conninfo

from .cluster import Cluster
from .leases.connection import Endpoint

POSTGRES_PORT = 5432
REDIS_PORT = 6379
CONNECT_SECONDS = 10


@asynccontextmanager
async def database(cluster: Cluster, *, secret_name: str, selector: Mapping[str, str]) -> AsyncGenerator[str]:
    """A connection string of the deployment's PostgreSQL, good while the context lasts.

    Args:
        cluster: where it runs.
        secret_name: the Secret with POSTGRES_DB, POSTGRES_USER and POSTGRES_PASSWORD.
        selector: the labels of its pod.

    Raises:
        UserError: the Secret or a ready pod is missing.
    """
    credentials = await cluster.secret(secret_name)
    async with cluster.forward(selector, POSTGRES_PORT) as port:
        yield make_conninfo(
            host="127.0.0.1",
            port=port,
            dbname=credentials["POSTGRES_DB"],
            user=credentials["POSTGRES_USER"],
            password=credentials["POSTGRES_PASSWORD"],
            connect_timeout=CONNECT_SECONDS,
        )


@asynccontextmanager
async def lease_store(cluster: Cluster, *, secret_name: str, selector: Mapping[str, str]) -> AsyncGenerator[Endpoint]:
    """Where to reach the deployment's Redis, good while the context lasts.

    Args:
        cluster: where it runs.
        secret_name: the Secret with REDIS_PASSWORD.
        selector: the labels of its pod.

    Raises:
        UserError: the Secret or a ready pod is missing.
    """
    credentials = await cluster.secret(secret_name)
    async with cluster.forward(selector, REDIS_PORT) as port:
        yield Endpoint(f"redis://127.0.0.1:{port}/0", password=credentials["REDIS_PASSWORD"])
