"""Which store a server uses: Redis, or none when it is the only one."""

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from ..errors import UserError
from .connection import Endpoint, Patience, explained
from .store import AsyncNullStore, AsyncRedisStore, AsyncStore, NullStore, RedisStore, Store

log = logging.getLogger(__name__)


@contextmanager
def open_store(endpoint: Endpoint | None, *, replicas: int, patience: Patience | None = None) -> Generator[Store]:
    """A store for programs with threads.

    Args:
        endpoint: of Redis; None where there is none.
        replicas: how many servers run.
        patience: how long to wait for Redis.

    Raises:
        UserError: exit code 2; there is no Redis, and more than one server. 1; Redis does not answer.
    """
    if endpoint is None:
        _require_one(replicas)
        yield NullStore()
        return
    client = endpoint.client(patience)
    try:
        with explained(endpoint):
            client.ping()
        log.info("leases are kept in Redis at %s", endpoint.place)
        yield RedisStore(client)
    finally:
        client.close()


@asynccontextmanager
async def open_async_store(
    endpoint: Endpoint | None, *, replicas: int, patience: Patience | None = None
) -> AsyncGenerator[AsyncStore]:
    """A store for asyncio; as `open_store`."""
    if endpoint is None:
        _require_one(replicas)
        yield AsyncNullStore()
        return
    client = endpoint.async_client(patience)
    try:
        with explained(endpoint):
            await client.ping()
        log.info("leases are kept in Redis at %s", endpoint.place)
        yield AsyncRedisStore(client)
    finally:
        await client.aclose()


def _require_one(replicas: int) -> None:
    if replicas != 1:
        raise UserError(
            f"expected a Redis for the leases of {replicas} servers, found none: without one only a single server can "
            "run. Name it, or set replicas to 1.",
            exit_code=2,
        )
    log.warning("no Redis for leases: this server is the only one, and nothing outlives it")
