"""Whoever is cancelled while it asks Redis stops, also where the client below swallows the cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

import pytest
import redis.asyncio

from jellyfin_ha.operations.leases import (
    AsyncRedisStore,
    Candidate,
    Ended,
    Ending,
    Event,
    Following,
    RoleLease,
    TranscodeSessions,
    events,
)
from jellyfin_ha.operations.leases.calls import sha_of
from jellyfin_ha.operations.leases.scripts import ACQUIRE

LEASE_MS = 300
SECONDS = 5.0


class SwallowingClient:
    """A Redis that gives any lease, or none, with a client that answers instead of being cancelled.

    As redis-py's does on Python 3.11, whose `asyncio.wait_for` drops a cancellation that comes with the result.
    """

    def __init__(self, *, fails: bool = False, gives: bool = True) -> None:
        self.asked = asyncio.Event()
        self.fails = fails
        self.gives = gives

    async def execute_command(self, _: str, sha: str, *__: object) -> object:
        """Answer when cancelled, or after a while."""
        self.asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(LEASE_MS / 1000 / 4)
        if self.fails:
            raise redis.ConnectionError("cut")
        return [int(self.gives), 1, "jellyfin-0", LEASE_MS] if sha == sha_of(ACQUIRE) else int(self.gives)

    async def scan(self, *_: object, **__: object) -> tuple[int, list[str]]:
        """As `execute_command`."""
        await self.execute_command("SCAN", "")
        return 0, []


def _store(client: SwallowingClient) -> AsyncRedisStore:
    return AsyncRedisStore(cast(redis.asyncio.Redis, client))


def test_a_question_is_cancelled() -> None:
    async def ask() -> None:
        for walk in (False, True):
            client = SwallowingClient()
            store = _store(client)
            question = store.walk(TranscodeSessions().list()) if walk else store.do(RoleLease("a", "b", 100).acquire())
            asking = asyncio.create_task(question)
            await client.asked.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asking, SECONDS)

    asyncio.run(ask())


def test_a_time_limit_around_a_question_holds() -> None:
    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await _store(SwallowingClient()).do(RoleLease("a", "b", 100).acquire())

    asyncio.run(ask())


def test_a_candidate_that_is_cancelled_when_its_connection_is_cut_ends() -> None:
    async def stand() -> None:
        client = SwallowingClient(fails=True)
        standing = asyncio.create_task(Candidate("leader", "a", lambda _: None, lease_ms=LEASE_MS).run(_store(client)))
        await client.asked.wait()
        standing.cancel()
        done, _ = await asyncio.wait({standing}, timeout=SECONDS)
        assert done, "it goes on"

    asyncio.run(stand())


@pytest.mark.parametrize("questions", [1, 2, 3])
def test_a_candidate_that_is_cancelled_while_it_asks_hands_over(questions: int) -> None:
    happened: list[Event] = []

    async def stand() -> None:
        client = SwallowingClient()
        standing = asyncio.create_task(Candidate("leader", "a", happened.append, lease_ms=LEASE_MS).run(_store(client)))
        for _ in range(questions):
            client.asked.clear()
            await client.asked.wait()
        standing.cancel()
        done, _ = await asyncio.wait({standing}, timeout=SECONDS)
        assert done, "it goes on"
        assert standing.cancelled()

    asyncio.run(stand())

    ends = [event for event in happened if isinstance(event, Ended)]
    assert [event.ending for event in ends] == [Ending.RELEASED] * (questions > 1)


def test_events_that_are_given_up_leave_no_task_behind() -> None:
    async def listen() -> set[asyncio.Task[object]]:
        happening = events(_store(SwallowingClient(gives=False)), "leader", "a", lease_ms=LEASE_MS)
        assert isinstance(await anext(happening), Following)
        waiting = asyncio.ensure_future(anext(happening))
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(listen()) == set()
