"""The master that Sentinels name: what redis-py does otherwise than leases need it."""

from collections.abc import Mapping
from typing import Any, cast

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

States = Mapping[str, Mapping[str, Any]]
UNREACHABLE = (redis.ConnectionError, redis.TimeoutError)


class Sentinels(redis.Sentinel):
    """Sentinels that, when none names a master, tell why in words; redis-py shows its own objects."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """See redis-py."""
        heard: list[str] = []
        for sentinel in self.sentinels:
            try:
                state = cast(States, sentinel.sentinel_masters()).get(service_name)
            except UNREACHABLE as error:
                heard.append(f"{_place(sentinel)}: {error}")
                continue
            if state and self.check_master_state(state, service_name):
                # The next time it is asked first.
                self.sentinels = [sentinel, *(one for one in self.sentinels if one is not sentinel)]
                return str(state["ip"]), int(state["port"])
            heard.append(f"{_place(sentinel)}: {_lacks(state, service_name)}")
        raise redis.sentinel.MasterNotFoundError(f"no Sentinel names a master that is up: {'; '.join(heard)}")


class AsyncSentinels(redis.asyncio.Sentinel):
    """The same with asyncio."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """See redis-py."""
        heard: list[str] = []
        for sentinel in self.sentinels:
            try:
                state = cast(States, await sentinel.sentinel_masters()).get(service_name)
            except UNREACHABLE as error:
                heard.append(f"{_place(sentinel)}: {error}")
                continue
            if state and self.check_master_state(dict(state), service_name):
                # The next time it is asked first.
                self.sentinels = [sentinel, *(one for one in self.sentinels if one is not sentinel)]
                return str(state["ip"]), int(state["port"])
            heard.append(f"{_place(sentinel)}: {_lacks(state, service_name)}")
        raise redis.asyncio.sentinel.MasterNotFoundError(f"no Sentinel names a master that is up: {'; '.join(heard)}")


class _MasterConnection(redis.sentinel.SentinelManagedConnection):
    """One that asks who is the master also when it has to connect again in the middle of a call.

    Redis-py's goes back to the one that it knows: a call that was under way when the master died, froze or was demoted
    would be tried there until the tries are used up.
    """

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """See redis-py; whose `connect`, which has asked already, forbids to retry."""
        if retry_socket_connect and not self._sock:
            self.host, self.port = self.connection_pool.get_master_address()
        super().connect_check_health(check_health, retry_socket_connect=False)


class _TlsMasterConnection(_MasterConnection, redis.sentinel.SentinelManagedSSLConnection):
    """The same by TLS."""


class SentinelPool(redis.sentinel.SentinelConnectionPool):
    """Connections to the master, whoever it is; closed, it also closes those to the Sentinels."""

    def __init__(self, service_name: str, sentinel_manager: redis.Sentinel, **options: Any) -> None:
        kind = _TlsMasterConnection if options.pop("ssl", False) else _MasterConnection
        super().__init__(service_name, sentinel_manager, connection_class=kind, **options)

    def disconnect(self, inuse_connections: bool = True) -> None:
        """See redis-py."""
        super().disconnect(inuse_connections)
        if inuse_connections:
            self.sentinel_manager.close()


class _AsyncMasterConnection(redis.asyncio.sentinel.SentinelManagedConnection):
    """As `_MasterConnection`, with asyncio."""

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """See redis-py."""
        if retry_socket_connect and not self.is_connected:
            self.host, self.port = await self.connection_pool.get_master_address()
        await super().connect_check_health(check_health, retry_socket_connect=False)


class _AsyncTlsMasterConnection(_AsyncMasterConnection, redis.asyncio.sentinel.SentinelManagedSSLConnection):
    """The same by TLS."""


class AsyncSentinelPool(redis.asyncio.sentinel.SentinelConnectionPool):
    """As `SentinelPool`, with asyncio."""

    def __init__(self, service_name: str, sentinel_manager: redis.asyncio.Sentinel, **options: Any) -> None:
        kind = _AsyncTlsMasterConnection if options.pop("ssl", False) else _AsyncMasterConnection
        super().__init__(service_name, sentinel_manager, connection_class=kind, **options)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """See redis-py."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


def _place(sentinel: Any) -> str:
    options = sentinel.connection_pool.connection_kwargs
    return f"{options['host']}:{options['port']}"


def _lacks(state: Mapping[str, Any] | None, name: str) -> str:
    return f"{name} is down" if state else f"it knows no master {name}"
