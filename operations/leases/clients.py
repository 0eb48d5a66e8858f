"""What redis-py does otherwise than leases need it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.sentinel
from redis.credentials import CredentialProvider
from redis.retry import Retry

from ..errors import UserError

PASSWORD_FILE_VARIABLE = "JELLYFIN_HA_REDIS_PASSWORD_FILE"
T = TypeVar("T")


class PasswordFileError(UserError, redis.AuthenticationError):
    """The file with the password cannot be read.

    Also an error of redis-py's: it leaves a connection open on which something else failed than it knows, and would
    use it without a password later. And who stands for election stands again, as when Redis is away.
    """


class Credentials(CredentialProvider):
    """A name and a password; the latter read when it is needed."""

    def __init__(self, user: str | None, password: str | None, file: Path | None) -> None:
        self._user = user
        self._password = password
        self._file = file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """What redis-py sends."""
        password = self._password
        if password is None and self._file is not None:
            try:
                password = self._file.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise PasswordFileError(
                    f"cannot read the file with Redis's password: {error}. Name it in {PASSWORD_FILE_VARIABLE}.",
                    exit_code=2,
                ) from error
        return (self._user, password or "") if self._user else (password or "",)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """The same for asyncio; redis-py's own warns at every connection."""
        return self.get_credentials()


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


class AsyncSocketConnection(redis.asyncio.UnixDomainSocketConnection):
    """One that says the password once it is connected, as all others do.

    Redis-py's says it while it connects: a refusal looks like a socket that is away, and leaves a connection behind
    that is used without a password later.
    """

    async def _connect(self) -> None:
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(self.path)


class PassingRetry(Retry):
    """Tries again what passes by itself."""

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """See redis-py."""
        return super().call_with_retry(do, fail, is_retryable or _passes, with_failure_count)


class AsyncPassingRetry(redis.asyncio.retry.Retry):
    """The same with asyncio."""

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[T]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """See redis-py."""
        return await super().call_with_retry(do, fail, is_retryable or _passes, with_failure_count)


def _passes(error: Exception) -> bool:
    """Redis-py takes a password or a certificate that is refused for a connection that fails."""
    refused = isinstance(error.__context__, ssl.SSLCertVerificationError)
    return not refused and not isinstance(error, redis.AuthenticationError)
