"""The store of leases: runs calls, with and without asyncio, in Redis or, where only one server runs, nowhere."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import TypeVar, cast

import redis
import redis.asyncio
from redis.exceptions import NoScriptError

from .calls import Call, Clock, Reply, Scan, Steps, steady

T = TypeVar("T")
Scanned = tuple[int, list[str]]

# Keys that Redis looks at for one answer of SCAN.
SCAN_KEYS = 500


class Store(ABC):
    """Answers calls.

    Args:
        clock: what leases are timed by on this side.
    """

    def __init__(self, clock: Clock = steady) -> None:
        self.clock = clock

    @abstractmethod
    def do(self, call: Call[T]) -> T:
        """Ask one question.

        Raises:
            redis.RedisError: there is no answer. Whether the call was done is not known, but asking it once more (the
                same object) is harmless.
        """

    def walk(self, steps: Steps[T]) -> T:
        """Ask several questions, one after the other."""
        try:
            question = next(steps)
            while True:
                question = steps.send(self._scan(question) if isinstance(question, Scan) else self.do(question))
        except StopIteration as end:
            return cast(T, end.value)

    @abstractmethod
    def _scan(self, scan: Scan) -> Scanned: ...


class AsyncStore(ABC):
    """Answers calls, in asyncio.

    Args:
        clock: what leases are timed by on this side.
    """

    def __init__(self, clock: Clock = steady) -> None:
        self.clock = clock

    @abstractmethod
    async def do(self, call: Call[T]) -> T:
        """As `Store.do`."""

    async def walk(self, steps: Steps[T]) -> T:
        """As `Store.walk`."""
        try:
            question = next(steps)
            while True:
                reply = self._scan(question) if isinstance(question, Scan) else self.do(question)
                question = steps.send(await reply)
        except StopIteration as end:
            return cast(T, end.value)

    @abstractmethod
    async def _scan(self, scan: Scan) -> Scanned: ...


class RedisStore(Store):
    """Leases in Redis.

    Args:
        client: to its master; see `connection`.
        clock: what leases are timed by on this side.
    """

    def __init__(self, client: redis.Redis, clock: Clock = steady) -> None:
        super().__init__(clock)
        self.client = client

    def do(self, call: Call[T]) -> T:
        """See `Store`."""
        asked_at = self.clock()
        arguments = (len(call.keys), *call.keys, *call.arguments)
        try:
            reply = self.client.execute_command("EVALSHA", call.sha, *arguments)
        except NoScriptError:
            # It also keeps the script.
            reply = self.client.execute_command("EVAL", call.script, *arguments)
        return call.read(cast(Reply, reply), asked_at)

    def _scan(self, scan: Scan) -> Scanned:
        return cast(Scanned, self.client.scan(scan.cursor, match=scan.pattern, count=SCAN_KEYS))


class AsyncRedisStore(AsyncStore):
    """Leases in Redis, in asyncio.

    Args:
        client: to its master; see `connection`.
        clock: what leases are timed by on this side.
    """

    def __init__(self, client: redis.asyncio.Redis, clock: Clock = steady) -> None:
        super().__init__(clock)
        self.client = client

    async def do(self, call: Call[T]) -> T:
        """See `Store`."""
        asked_at = self.clock()
        arguments = (len(call.keys), *call.keys, *call.arguments)
        try:
            reply = await _cancellable(self.client.execute_command("EVALSHA", call.sha, *arguments))
        except NoScriptError:
            reply = await _cancellable(self.client.execute_command("EVAL", call.script, *arguments))
        return call.read(cast(Reply, reply), asked_at)

    async def _scan(self, scan: Scan) -> Scanned:
        scanning = self.client.scan(scan.cursor, match=scan.pattern, count=SCAN_KEYS)
        return cast(Scanned, await _cancellable(scanning))


async def _cancellable(answer: Awaitable[T]) -> T:
    """The answer, unless this task was cancelled meanwhile.

    redis-py sends with `asyncio.wait_for`, which on Python 3.11 drops a cancellation that comes when the sending is
    done: who must hand over would go on.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await answer
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


class NullStore(Store):
    """No Redis: the only server gets every lease at once and for ever, and finds no records."""

    def do(self, call: Call[T]) -> T:
        """See `Store`."""
        return call.alone(self.clock())

    def _scan(self, scan: Scan) -> Scanned:
        return 0, []


class AsyncNullStore(AsyncStore):
    """No Redis, in asyncio."""

    async def do(self, call: Call[T]) -> T:
        """See `Store`."""
        return call.alone(self.clock())

    async def _scan(self, scan: Scan) -> Scanned:
        return 0, []
