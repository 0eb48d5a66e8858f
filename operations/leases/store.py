"""The connection to the Redis that holds the leases."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

from ..errors import UserError

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
# A Redis that was started a moment ago is still reading its append-only file; seven tries take some 10 s.
TRIES = 7
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 3.0
PASSING = (redis.ConnectionError, redis.TimeoutError)


class LeaseStore:
    """The few commands that are needed, with their results as plain types."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def config(self, name: str) -> str:
        """A setting of the server, as `CONFIG GET` tells it; empty when it is unknown.

        Raises:
            redis.ResponseError: the server does not let clients read its configuration.
        """
        return cast(Mapping[str, str], self._client.config_get(name)).get(name, "")

    def info(self, section: str) -> Mapping[str, object]:
        """One section of the server's own account of itself."""
        return cast(Mapping[str, object], self._client.info(section))

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int] = ()) -> Sequence[str | int]:
        """Run one of the scripts, loading it when the server does not have it (any more)."""
        call = self._client.register_script(script)
        return cast(Sequence[str | int], call(keys=list(keys), args=list(arguments)))

    def load(self, script: str) -> None:
        """Keep a script in the server's cache."""
        self._client.script_load(script)

    def get(self, key: str) -> str | None:
        """The text at a key."""
        return cast(str | None, self._client.get(key))

    def set_if_absent(self, key: str, value: str, *, lifetime_ms: int | None = None) -> None:
        """Write a text where there is none."""
        self._client.set(key, value, nx=True, px=lifetime_ms)

    def left_ms(self, key: str) -> int:
        """How long a key still lives; below 0 when it is not there (-2) or never ends (-1)."""
        return self._client.pttl(key)

    def delete(self, *keys: str) -> None:
        """Remove keys."""
        self._client.delete(*keys)


@contextmanager
def connect(url: str) -> Generator[LeaseStore]:
    """The store at a URL, known to answer.

    Args:
        url: `redis://[user]:password@host:port/0`, `rediss://` for TLS, or `unix://`.

    Raises:
        UserError: exit code 2 when the URL is malformed; 1 when Redis does not answer, now or later in the
            block, or refuses the password.
    """
    client = _client(url, anonymous=False)
    try:
        _await_answer(client)
        yield LeaseStore(client)
    except redis.AuthenticationError as error:
        raise UserError(
            f"Redis at {place(url)} refuses the password: {error}. Expected the one in the Secret "
            "jellyfin-redis-credentials (REDIS_PASSWORD); Redis reads its own when it starts: restart it after "
            "the Secret has changed."
        ) from error
    except PASSING as error:
        raise UserError(
            f"Redis at {place(url)} does not answer: {error}. See that it runs and can be reached from here."
        ) from error
    except redis.ResponseError as error:
        raise UserError(f"Redis at {place(url)} refuses to serve: {error}. See its configuration and log.") from error
    finally:
        client.close()


def lets_anyone_in(url: str) -> bool:
    """Whether the Redis at a URL serves a client that says no password."""
    client = _client(url, anonymous=True)
    try:
        client.ping()
    except (redis.AuthenticationError, redis.ResponseError):
        return False
    finally:
        client.close()
    return True


def place(url: str) -> str:
    """Where a URL points to, without what must not be shown."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}" if parts.scheme != "unix" else parts.path


def _await_answer(client: redis.Redis) -> None:
    """Ping with growing pauses. A refused password is final, though redis-py counts it as a connection error."""
    pause = ExponentialWithJitterBackoff(base=FIRST_PAUSE_SECONDS, cap=LONGEST_PAUSE_SECONDS)
    for failures in range(1, TRIES):
        try:
            client.ping()
            return
        except redis.AuthenticationError:
            raise
        except PASSING:
            time.sleep(pause.compute(failures))
    client.ping()


def _client(url: str, *, anonymous: bool) -> redis.Redis:
    try:
        client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            # For a connection that died since the last command.
            retry=Retry(NoBackoff(), 1, supported_errors=PASSING),
        )
    except ValueError as error:
        raise UserError(
            f"the Redis URL cannot be read: {error}. Expected redis://:password@host:port/0.", exit_code=2
        ) from error
    if anonymous:
        for name in ("username", "password"):
            client.connection_pool.connection_kwargs.pop(name, None)
    return client
