"""How to reach the Redis that holds the leases: directly, by TLS, or through Sentinel; with and without asyncio."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import redis
import redis.asyncio
import redis.asyncio.retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from ..errors import UserError
from .clients import (
    PASSWORD_FILE_VARIABLE,
    AsyncPassingRetry,
    AsyncSocketConnection,
    Credentials,
    PassingRetry,
)
from .sentinels import AsyncSentinelPool, AsyncSentinels, SentinelPool, Sentinels
from .urls import FORM, SENTINEL, wrong_with

PORT, SENTINEL_PORT = 6379, 26379
# Of one store. Who asks when all are in use waits for one; redis-py's usual pools refuse, as if Redis were away.
CONNECTIONS = 64
QUEUE_SECONDS = 20.0
# Pools of Sentinel's masters cannot wait: so many that it does not matter (a Redis has 10,000 by default).
CONNECTIONS_BY_SENTINEL = 5000
# In the query of a Sentinel's URL: what the Sentinels themselves want, when they want any.
SENTINEL_PASSWORD = "sentinel_password"
PASSWORD_VARIABLE = "JELLYFIN_HA_REDIS_PASSWORD"

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
# What passes by itself: a connection that was cut, a Redis that is starting, and a master that has become a replica,
# for which another connection is made (a Service or Sentinel then leads to the new one).
PASSING = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError)


@dataclass(frozen=True)
class Patience:
    """How long to wait for Redis.

    Args:
        connect_seconds: for a connection.
        answer_seconds: for one answer.
        tries: of one call, with growing pauses of some chance between them, up to a second each. Seven take some 5 s: a
            Redis that reads its append-only file again, or a fail-over of Sentinel, takes as long.
    """

    connect_seconds: float = 3.0
    answer_seconds: float = 5.0
    tries: int = 7


@dataclass(frozen=True)
class Endpoint:
    """Where the Redis is and how to be let in.

    Args:
        url: see `FORM`. Its query may have what redis-py takes, such as `ssl_ca_certs=FILE`.
        password_file: for a URL without a password; read at every connection, so that a new one needs no restart.
        password: for a URL without one, as it is.

    Raises:
        UserError: exit code 2; the URL is malformed.
    """

    url: str = field(repr=False)
    password_file: Path | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        wrong = wrong_with(self.url)
        if not wrong:
            try:
                # Nothing is connected to yet.
                redis.ConnectionPool.from_url(self._direct()).make_connection()
            except (TypeError, ValueError, redis.RedisError):
                wrong = "its query has a name or a value that redis-py does not know"
        if wrong:
            raise UserError(f"the Redis URL cannot be read: {wrong}. Expected {FORM}.", exit_code=2)

    @classmethod
    def from_environment(cls, url: str, environment: Mapping[str, str] | None = None) -> "Endpoint":
        """An endpoint whose password, unless the URL has one, is in JELLYFIN_HA_REDIS_PASSWORD, or in the file that
        JELLYFIN_HA_REDIS_PASSWORD_FILE names."""
        given = os.environ if environment is None else environment
        file = given.get(PASSWORD_FILE_VARIABLE)
        return cls(url, Path(file) if file else None, given.get(PASSWORD_VARIABLE) or None)

    @property
    def place(self) -> str:
        """Where it is, without what must not be shown."""
        parts = urlsplit(self.url)
        if parts.scheme == "unix":
            return parts.path
        if parts.scheme.endswith(SENTINEL):
            return f"{self._master()} of the Sentinels {parts.netloc.rpartition('@')[2]}"
        return f"{parts.hostname or 'localhost'}:{parts.port or PORT}"

    def client(self, patience: Patience | None = None, *, anonymous: bool = False) -> redis.Redis:
        """A client for programs with threads. Close it.

        Args:
            patience: how long to wait.
            anonymous: say no password.
        """
        waiting = patience or Patience()
        options = self._options(waiting, anonymous=anonymous)
        options["retry"] = PassingRetry(_pauses(), waiting.tries - 1, supported_errors=PASSING)
        if not urlsplit(self.url).scheme.endswith(SENTINEL):
            pool = redis.BlockingConnectionPool.from_url(
                self._direct(anonymous=anonymous), max_connections=CONNECTIONS, timeout=QUEUE_SECONDS, **options
            )
            return redis.Redis.from_pool(pool)
        ours, theirs = self._sentinel_options(options, anonymous=anonymous)
        theirs["retry"] = Retry(NoBackoff(), 0)
        manager = Sentinels(self._sentinels(), sentinel_kwargs=theirs, **ours)
        return manager.master_for(self._master(), connection_pool_class=SentinelPool)

    def async_client(self, patience: Patience | None = None) -> redis.asyncio.Redis:
        """A client for asyncio. Close it."""
        waiting = patience or Patience()
        options = self._options(waiting, anonymous=False)
        options["retry"] = AsyncPassingRetry(_pauses(), waiting.tries - 1, supported_errors=PASSING)
        if not urlsplit(self.url).scheme.endswith(SENTINEL):
            pool = redis.asyncio.BlockingConnectionPool.from_url(
                self._direct(), max_connections=CONNECTIONS, timeout=QUEUE_SECONDS, **options
            )
            if urlsplit(self.url).scheme == "unix":
                pool.connection_class = AsyncSocketConnection
            return redis.asyncio.Redis.from_pool(pool)
        ours, theirs = self._sentinel_options(options, anonymous=False)
        theirs["retry"] = redis.asyncio.retry.Retry(NoBackoff(), 0)
        manager = AsyncSentinels(self._sentinels(), sentinel_kwargs=theirs, **ours)
        return manager.master_for(self._master(), connection_pool_class=AsyncSentinelPool)

    def _options(self, patience: Patience, *, anonymous: bool) -> dict[str, Any]:
        options: dict[str, Any] = {
            "decode_responses": True,
            # Anybody can write anything to Redis: what is not UTF-8 can be read, and said back, all the same.
            "encoding_errors": "surrogateescape",
            "socket_connect_timeout": patience.connect_seconds,
            "socket_timeout": patience.answer_seconds,
        }
        if not anonymous and self._provides:
            user = urlsplit(self.url).username
            options["credential_provider"] = Credentials(
                unquote(user) if user else None, self.password, self.password_file
            )
        return options

    @property
    def _provides(self) -> bool:
        """Whether the password is not in the URL; the user's name is then said with it, by the same way."""
        return not urlsplit(self.url).password and bool(self.password or self.password_file)

    def _sentinel_options(
        self, options: Mapping[str, Any], *, anonymous: bool
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """For the master, and for the Sentinels. Those are not asked twice in a row: the next one is asked instead."""
        found = parse_url(self._direct(anonymous=anonymous))
        tls = {name: value for name, value in found.items() if name.startswith("ssl_")}
        if urlsplit(self.url).scheme.startswith("rediss"):
            tls["ssl"] = True
        access = {name: found[name] for name in ("username", "password", "db") if name in found}
        waits = {name: value for name, value in options.items() if name.startswith("socket_")}
        own = dict(parse_qsl(urlsplit(self.url).query)).get(SENTINEL_PASSWORD)
        access["max_connections"] = CONNECTIONS_BY_SENTINEL
        return {**options, **access, **tls}, {
            **waits,
            **tls,
            **({"password": own} if own else {}),
        }

    def _direct(self, *, anonymous: bool = False) -> str:
        """The URL as redis-py reads it: the first Sentinel in the master's place."""
        parts = urlsplit(self.url)
        access, _, hosts = parts.netloc.rpartition("@")
        if anonymous or self._provides:
            access = ""
        if parts.scheme.endswith(SENTINEL):
            hosts = hosts.partition(",")[0]
            database = parts.path.strip("/").partition("/")[2]
            query = [pair for pair in parse_qsl(parts.query) if pair[0] != SENTINEL_PASSWORD]
            parts = SplitResult(
                parts.scheme.removesuffix(SENTINEL), hosts, f"/{database}" if database else "", urlencode(query), ""
            )
        netloc = f"{access}@{hosts}" if access else hosts
        if parts.scheme == "unix":
            # Without a host `urlunsplit` would leave out the slashes, which redis-py wants.
            return f"unix://{netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return urlunsplit(parts._replace(netloc=netloc))

    def _sentinels(self) -> list[tuple[str, int]]:
        hosts = urlsplit(self.url).netloc.rpartition("@")[2].split(",")
        found = [urlsplit(f"//{host}") for host in hosts if host]
        return [(one.hostname or "localhost", one.port or SENTINEL_PORT) for one in found]

    def _master(self) -> str:
        return urlsplit(self.url).path.strip("/").partition("/")[0]


@contextmanager
def explained(endpoint: Endpoint) -> Generator[None]:
    """Says in the user's words what redis-py says in its own.

    Raises:
        UserError: exit code 1; Redis does not answer, refuses the password or refuses to serve.
    """
    try:
        yield
    except UserError:
        raise
    except redis.AuthenticationError as error:
        raise UserError(
            f"Redis at {endpoint.place} refuses the password: {error}. Expected the one in the Secret "
            "jellyfin-redis-credentials (REDIS_PASSWORD); Redis reads its own when it starts: restart it after "
            "the Secret has changed."
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise UserError(
            f"Redis at {endpoint.place} does not answer: {error}. See that it runs and can be reached from here."
        ) from error
    except redis.ReadOnlyError as error:
        raise UserError(
            f"Redis at {endpoint.place} is a replica, which nobody can write to: {error}. Give the URL of the master, "
            "or of its Sentinels."
        ) from error
    except redis.OutOfMemoryError as error:
        raise UserError(
            f"Redis at {endpoint.place} is full and takes nothing new: {error}. Expected room below its `maxmemory`: "
            "raise it (and the container's limit), or remove what does not belong there."
        ) from error
    except redis.ResponseError as error:
        raise UserError(
            f"Redis at {endpoint.place} refuses to serve: {error}. See its configuration and log."
        ) from error


def lets_anyone_in(endpoint: Endpoint) -> bool:
    """Whether the Redis, which has answered a moment ago, serves a client that says no password."""
    # redis-py takes a refusal for a connection that was cut, and would ask again and again.
    client = endpoint.client(Patience(tries=1), anonymous=True)
    try:
        client.ping()
    except redis.AuthenticationError:
        return False
    except redis.ResponseError:
        return False
    finally:
        client.close()
    return True


def _pauses() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=FIRST_PAUSE_SECONDS, cap=LONGEST_PAUSE_SECONDS)
