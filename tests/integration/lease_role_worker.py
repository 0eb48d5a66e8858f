"""A process of the lease torture that wants to lead, with the store for asyncio, in one of four manners."""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import redis

from jellyfin_ha.operations.leases import (
    AsyncRedisStore,
    AsyncStore,
    Candidate,
    Elected,
    Ended,
    Ending,
    Endpoint,
    Event,
    Following,
    Patience,
    RoleHeld,
    RoleLease,
    RoleRefused,
    Term,
    events,
    in_background,
)
from jellyfin_ha.operations.leases.calls import CLOCK_DRIFT, Call, new_call_name, steady
from jellyfin_ha.operations.leases.keys import fence_key
from jellyfin_ha.operations.leases.scripts import DEPOSE, FENCED_SET
from tests.integration.lease_log import ROLES, Log, What

T = TypeVar("T")

ROLE = "leader"
NAME = ROLES + ROLE
LEASES_MS = (500, 700, 1_000)
LONGEST_REIGN_SECONDS = 4.0
WRITE_SECONDS = 0.03
LOOK_SECONDS = 0.02
WRITTEN_MS = 60_000


class Manner(StrEnum):
    """How to stand for election."""

    CANDIDATE = "candidate"
    EVENTS = "events"
    BY_HAND = "by-hand"
    BACKGROUND = "background"


class WatchedStore(AsyncRedisStore):
    """A store that writes down that somebody is deposed, since that ends what another one relies on."""

    def __init__(self, client: redis.asyncio.Redis, log: Log) -> None:
        super().__init__(client)
        self.log = log
        self.forced: set[int] = set()

    async def do(self, call: Call[T]) -> T:
        """See `AsyncStore`."""
        if call.script != DEPOSE:
            return await super().do(call)
        asked, name = self.clock(), new_call_name()
        self.log.add(What.DEPOSING, name=NAME, deposed=int(call.arguments[3]), how=name)
        answer = await super().do(call)
        if isinstance(answer, RoleHeld):
            self.forced.add(answer.term)
        else:
            self.log.add(What.REFUSED, name=NAME, how=name, asked=asked)
        return answer


@dataclass
class RoleWorker:
    """Stands for election, hands over after a while and stands again; and writes on behalf of its last term as long as
    it has no other, so that what a leader writes who has not noticed its end is seen to be refused."""

    manner: Manner
    owner: str
    log: Log
    chance: random.Random
    term: Term | None = None
    newest: int = 0
    depose: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    lease_ms: int = 0

    async def run(self, endpoint: Endpoint, patience: Patience) -> None:
        """Work until SIGTERM."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        loop.add_signal_handler(signal.SIGUSR1, lambda: setattr(self, "depose", True))
        self.lease_ms = self.chance.choice(LEASES_MS)
        standing, writing = endpoint.async_client(patience), endpoint.async_client(patience)
        store = WatchedStore(standing, self.log)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look(store))
                tasks.create_task(self._write(AsyncRedisStore(writing)))
                while not self.stop.is_set():
                    await self._stand(store, endpoint)
                    await self._wait(self.chance.uniform(0.05, 0.3))
        finally:
            await standing.aclose()
            await writing.aclose()

    async def _stand(self, store: WatchedStore, endpoint: Endpoint) -> None:
        """Stand for election for a while."""
        seconds = self.chance.uniform(0.5, LONGEST_REIGN_SECONDS)
        candidate = Candidate(ROLE, self.owner, lambda event: self._happened(event, store), lease_ms=self.lease_ms)
        match self.manner:
            case Manner.CANDIDATE:
                running = asyncio.create_task(candidate.run(store))
                await self._deposing(candidate, seconds)
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
            case Manner.BACKGROUND:
                with in_background(candidate, endpoint):
                    await self._wait(seconds)
            case Manner.EVENTS:
                await self._follow_events(store, seconds)
            case Manner.BY_HAND:
                await self._stand_by_hand(store, seconds)

    async def _deposing(self, candidate: Candidate, seconds: float) -> None:
        until = steady() + seconds
        while steady() < until and not self.stop.is_set():
            if self.depose and candidate.term is None and self.newest:
                candidate.depose(self.newest)
                self.depose = False
            await asyncio.sleep(LOOK_SECONDS)

    async def _follow_events(self, store: WatchedStore, seconds: float) -> None:
        until = steady() + seconds
        async with aclosing(events(store, ROLE, self.owner, lease_ms=self.lease_ms)) as happening:
            event = asyncio.ensure_future(anext(happening))
            while steady() < until and not self.stop.is_set():
                if event.done():
                    self._happened(event.result(), store)
                    event = asyncio.ensure_future(anext(happening))
                await asyncio.wait({event}, timeout=LOOK_SECONDS)
            # Whoever hands over stops relying on the lease first.
            if self.term is not None and self.term.lasts:
                self.log.add(What.STOPPED, name=NAME, token=self.term.number)
            event.cancel()
            with suppress(asyncio.CancelledError):
                await event

    async def _stand_by_hand(self, store: WatchedStore, seconds: float) -> None:
        until = steady() + seconds
        lease = RoleLease(ROLE, self.owner, self.lease_ms)
        asked: Call[RoleHeld | RoleRefused] | None = None
        while steady() < until and not self.stop.is_set():
            if asked is None:
                asked = lease.depose(self.newest) if self.depose and self.newest else lease.acquire()
                self.depose = False
            with suppress(redis.RedisError):
                answer = await store.do(asked)
                asked = None
                if isinstance(answer, RoleHeld):
                    await self._lead_by_hand(store, lease, answer, until)
                    continue
                self._happened(Following(answer.owner, answer.term), store)
            await self._wait(0.1)

    async def _lead_by_hand(self, store: WatchedStore, lease: RoleLease, held: RoleHeld, until: float) -> None:
        term = Term(ROLE, self.owner, held.term, held.ends_at, store.clock)
        self._happened(Elected(term), store)
        while term.lasts and steady() < until and not self.stop.is_set():
            await self._wait(self.lease_ms / 1000 / 3)
            with suppress(redis.RedisError):
                ends = await store.do(lease.renew(term.number))
                if ends is None:
                    term.ending = Ending.DEPOSED
                    self._happened(Ended(term, Ending.DEPOSED), store)
                    return
                term.ends_at = ends
        if term.lasts:
            term.ending = Ending.RELEASED
            self._happened(Ended(term, Ending.RELEASED), store)
            with suppress(redis.RedisError):
                await store.do(lease.release(term.number))

    def _happened(self, event: Event, store: WatchedStore) -> None:
        match event:
            case Elected(term):
                self.term, self.newest = term, term.number
                how = "depose" if term.number in store.forced else "acquire"
                self._tell(What.GRANTED, term.number, term.ends_at, how)
            case Ended(term, ending):
                why = ending.value if ending is Ending.DEPOSED else ""
                self.log.add(What.STOPPED, name=NAME, token=term.number, why=why)
            case Following(leader, newest):
                self.newest = newest
                self.log.add(What.REFUSED, name=NAME, token=newest, why=leader)

    async def _look(self, store: AsyncStore) -> None:
        """Write down until when this process relies on its lease, whenever that changes."""
        told = (0, 0.0)
        while not self.stop.is_set():
            term = self.term
            if term is not None and term.lasts and told != (term.number, term.ends_at):
                told = (term.number, term.ends_at)
                self._tell(What.RENEWED, *told)
            await asyncio.sleep(LOOK_SECONDS)

    def _tell(self, what: What, term: int, ends: float, how: str = "") -> None:
        asked = ends - self.lease_ms / 1000 * (1 - CLOCK_DRIFT)
        self.log.add(what, name=NAME, token=term, asked=asked, ends=ends, how=how)

    async def _write(self, store: AsyncStore) -> None:
        while not self.stop.is_set():
            if self.term is not None:
                token, asked = self.term.number, store.clock()
                with suppress(redis.RedisError):
                    accepted = await store.do(_fenced(token, self.owner))
                    self.log.add(What.WROTE, name=NAME, token=token, asked=asked, accepted=accepted)
            await asyncio.sleep(WRITE_SECONDS)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


def _fenced(token: int, value: str) -> Call[bool]:
    keys = (fence_key(ROLE), f"{fence_key(ROLE)}:torture")
    return Call(FENCED_SET, keys, (token, value, WRITTEN_MS), lambda reply, _: reply == 1, lambda _: True)
