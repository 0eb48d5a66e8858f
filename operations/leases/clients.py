"""What redis-py does otherwise than leases need it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import redis
import redis.asyncio
import redis.asyncio.retry
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
