"""One way to ask a store, with and without asyncio, for tests that want the same of both."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, TypeVar, cast

import redis

from jellyfin_ha.operations.leases import AsyncRedisStore, AsyncStore, RedisStore
from jellyfin_ha.operations.leases.calls import Call, Reply, Steps
from jellyfin_ha.operations.leases.keys import fence_key, lease_key, pause_key
from jellyfin_ha.operations.leases.scripts import SEED
from tests.integration.processes import RedisServer

T = TypeVar("T")


class Driver(Protocol):
    """What `Store` does."""

    def do(self, call: Call[T]) -> T: ...
    def walk(self, steps: Steps[T]) -> T: ...


class _InLoop:
    """Asks an asynchronous store, and waits."""

    def __init__(self, store: AsyncStore, runner: asyncio.Runner) -> None:
        self._store = store
        self._runner = runner

    def do(self, call: Call[T]) -> T:
        return self._runner.run(self._store.do(call))

    def walk(self, steps: Steps[T]) -> T:
        return self._runner.run(self._store.walk(steps))


@contextmanager
def driver(server: RedisServer, *, in_asyncio: bool) -> Generator[Driver]:
    """Asks a Redis, for as long as the block runs."""
    if not in_asyncio:
        client = server.endpoint.client()
        try:
            yield RedisStore(client)
        finally:
            client.close()
        return
    with asyncio.Runner() as runner:
        asynchronous = server.endpoint.async_client()
        try:
            yield _InLoop(AsyncRedisStore(asynchronous), runner)
        finally:
            runner.run(asynchronous.aclose())


def make_counter(client: redis.Redis, name: str, *, pause_ms: int) -> tuple[bool, int]:
    """Prepare a counter as `seed` does, without all that it looks at; whether it was made, and its value."""

    def read(reply: Reply, _: float) -> tuple[bool, int]:
        made, value = cast(tuple[int, int], tuple(reply))
        return made == 1, value

    keys = (fence_key(name), lease_key(name), pause_key(name))
    return RedisStore(client).do(Call(SEED, keys, (pause_ms,), read, lambda _: (False, 0)))


def await_time_past(client: redis.Redis, token: int) -> None:
    """Wait until a new counter would start above a token: they grow as long as fewer than 1000 a second are given."""
    while True:
        seconds, microseconds = client.time()
        if seconds * 1000 + microseconds // 1000 > token:
            return
