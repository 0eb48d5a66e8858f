"""One leader at a time, whoever stops, crashes or loses Redis; and each knows in time that it leads no more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import (
    AsyncNullStore,
    AsyncRedisStore,
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
    events,
    in_background,
    open_store,
    seed,
    status,
)
from tests.integration.conftest import RedisFactory
from tests.integration.processes import RedisServer, wait_until
from tests.integration.proxy import Proxy, silent_proxy

pytestmark = pytest.mark.integration

LEASE_MS = 1000
LONG_MS = 30_000
PATIENCE = Patience(connect_seconds=0.2, answer_seconds=0.2, tries=1)


@pytest.fixture
def server(redis_server: RedisFactory) -> RedisServer:
    """A Redis in which a leader can be elected at once."""
    found = redis_server()
    seed(Endpoint(found.url), pause_ms=0)
    return found


class Member:
    """A candidate in this process, and what happened to it when."""

    def __init__(self, name: str, *, lease_ms: int = LEASE_MS) -> None:
        self.happened: list[tuple[float, Event]] = []
        self.candidate = Candidate("leader", name, self._note, lease_ms=lease_ms)

    def _note(self, event: Event) -> None:
        self.happened.append((time.monotonic(), event))

    @property
    def leads(self) -> bool:
        """Whether it believes so now."""
        term = self.candidate.term
        return term is not None and term.lasts

    @property
    def last(self) -> Event:
        return self.happened[-1][1]

    def at(self, kind: type[Event]) -> float:
        """When the last event of a kind happened."""
        return next(moment for moment, event in reversed(self.happened) if isinstance(event, kind))


async def within(seconds: float, condition: Callable[[], bool]) -> None:
    """Fails unless it becomes true in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class Standing:
    """A candidate that stands for election, with a connection of its own."""

    def __init__(self, member: Member, task: asyncio.Task[None]) -> None:
        self.member = member
        self._task = task

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def standing(server: RedisServer, member: Member, port: int | None = None) -> AsyncGenerator[Standing]:
    """Until the block ends; through another port than Redis's own when one is given."""
    url = server.url.replace(str(server.port), str(port or server.port))
    client = Endpoint(url).async_client(PATIENCE)
    found = Standing(member, asyncio.create_task(member.candidate.run(AsyncRedisStore(client))))
    try:
        yield found
    finally:
        await found.stop()
        await client.aclose()


def run(work: Coroutine[Any, Any, None]) -> None:
    """One test in an event loop of its own."""
    asyncio.run(work)


def test_a_leader_that_stops_has_a_successor_within_a_second(server: RedisServer) -> None:
    async def work() -> None:
        # Leases so long that only the hand-over explains it.
        first, second = Member("a", lease_ms=LONG_MS), Member("b", lease_ms=LONG_MS)
        async with standing(server, first) as leader:
            await within(2, lambda: first.leads)
            async with standing(server, second):
                await within(2, lambda: second.happened != [])
                assert second.last == Following("a", first.candidate.term.number if first.candidate.term else 0)
                stopped = time.monotonic()
                await leader.stop()
                await within(2, lambda: second.leads)
                assert second.at(Elected) - stopped < 1
                old, new = first.last, second.last
                assert isinstance(old, Ended)
                assert isinstance(new, Elected)
                assert (old.ending, old.term.lasts) == (Ending.RELEASED, False)
                assert new.term.number > old.term.number

    run(work())


def test_a_leader_that_is_cut_off_knows_it_before_the_next_one_leads(server: RedisServer) -> None:
    async def work(proxy: Proxy) -> None:
        first, second = Member("a"), Member("b")
        async with standing(server, first, proxy.port):
            await within(2, lambda: first.leads)
            async with standing(server, second):
                await within(2, lambda: second.happened != [])
                proxy.fall_silent()
                cut = time.monotonic()
                await within(3, lambda: second.leads)
                assert second.at(Elected) - cut < LEASE_MS / 1000 + 1
                assert not first.leads
                lost = first.happened[1][1]
                assert isinstance(lost, Ended)
                assert lost.ending is Ending.EXPIRED
                assert first.happened[1][0] < second.at(Elected)

    with silent_proxy(server.port) as proxy:
        run(work(proxy))


def test_a_leader_that_is_deposed_is_told_so_rather_than_that_its_time_is_over(server: RedisServer) -> None:
    async def work() -> None:
        first, second = Member("a", lease_ms=3000), Member("b", lease_ms=LONG_MS)
        async with standing(server, first):
            await within(2, lambda: first.leads)
            async with standing(server, second):
                await within(2, lambda: second.happened != [])
                term = first.candidate.term
                assert term is not None
                second.candidate.depose(term.number)
                await within(1, lambda: second.leads)
                await within(3, lambda: not first.leads)
                ended = next(event for _, event in first.happened if isinstance(event, Ended))
                assert ended.ending is Ending.DEPOSED
                await within(2, lambda: isinstance(first.last, Following))

    run(work())


def test_of_many_who_depose_the_same_leader_exactly_one_wins(server: RedisServer) -> None:
    with open_store(Endpoint(server.url), replicas=9) as store:
        gone = store.do(RoleLease("leader", "gone", LONG_MS).acquire())
        assert isinstance(gone, RoleHeld)
        answers: list[object] = []
        ready = threading.Barrier(8)

        def depose(name: str) -> None:
            call = RoleLease("leader", name, LONG_MS).depose(gone.term)
            ready.wait()
            answers.append(store.do(call))

        threads = [threading.Thread(target=depose, args=(f"n{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [answer for answer in answers if isinstance(answer, RoleHeld)]
        assert [answer.term for answer in won] == [gone.term + 1]
        assert store.do(RoleLease("leader", "gone", LONG_MS).renew(gone.term)) is None


def test_a_short_silence_of_redis_costs_no_term(server: RedisServer) -> None:
    async def work() -> None:
        member = Member("a", lease_ms=3000)
        async with standing(server, member):
            await within(2, lambda: member.leads)
            server.client().execute_command("CLIENT", "PAUSE", 1500, "ALL")
            await asyncio.sleep(4)
            assert member.leads
            assert [type(event) for _, event in member.happened] == [Elected]

    run(work())


def test_a_candidate_that_stops_while_it_asks_leaves_no_lease_behind(server: RedisServer) -> None:
    async def work() -> None:
        member = Member("a", lease_ms=LONG_MS)
        server.client().execute_command("CLIENT", "PAUSE", 300, "ALL")
        async with standing(server, member) as asking:
            await asyncio.sleep(0.1)
            await asking.stop()
        assert member.happened == []
        assert status(Endpoint(server.url)).holder is None

    run(work())


def test_events_come_as_an_iterator_and_renewals_go_on_meanwhile(server: RedisServer) -> None:
    async def work() -> None:
        client = Endpoint(server.url).async_client(PATIENCE)
        async with aclosing(events(AsyncRedisStore(client), "leader", "a", lease_ms=LEASE_MS)) as happened:
            async for event in happened:
                assert isinstance(event, Elected)
                await asyncio.sleep(2 * LEASE_MS / 1000)
                assert event.term.lasts
                break
        assert event.term.ending is Ending.RELEASED
        assert status(Endpoint(server.url)).holder is None
        await client.aclose()

    run(work())


def test_what_the_callback_raises_ends_the_candidacy_and_frees_the_role(server: RedisServer) -> None:
    def refuse(event: Event) -> None:
        if isinstance(event, Elected):
            raise RuntimeError("not now")

    async def work() -> None:
        client = Endpoint(server.url).async_client(PATIENCE)
        candidate = Candidate("leader", "a", refuse, lease_ms=LONG_MS)
        with pytest.raises(RuntimeError, match="not now"):
            await candidate.run(AsyncRedisStore(client))
        await client.aclose()
        assert status(Endpoint(server.url)).holder is None

    run(work())


def test_a_program_without_asyncio_leads_from_a_thread(server: RedisServer) -> None:
    happened: list[Event] = []
    with in_background(Candidate("leader", "a", happened.append, lease_ms=LEASE_MS), Endpoint(server.url)) as candidate:
        wait_until(lambda: candidate.term is not None, seconds=2, what="the election")
        time.sleep(2 * LEASE_MS / 1000)
        assert candidate.term is not None
        assert candidate.term.lasts
    assert [type(event) for event in happened] == [Elected, Ended]
    assert status(Endpoint(server.url)).holder is None


def test_the_only_server_without_redis_leads_at_once_and_for_good() -> None:
    happened: list[Event] = []

    async def work() -> None:
        task = asyncio.create_task(Candidate("leader", "a", happened.append).run(AsyncNullStore()))
        await within(1, lambda: happened != [])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(work())
    assert [type(event) for event in happened] == [Elected, Ended]


def test_a_new_counter_gives_no_term_before_its_pause_is_over(redis_server: RedisFactory) -> None:
    found = redis_server()
    seed(Endpoint(found.url), pause_ms=1500)
    seeded = time.monotonic()

    async def work() -> None:
        member = Member("a")
        async with standing(found, member):
            await within(4, lambda: member.leads)
            assert member.at(Elected) - seeded > 1.4

    run(work())


@pytest.mark.parametrize("lease_ms", [0, 49, 60_001, -1])
def test_a_lease_that_is_too_short_or_too_long_is_refused_with_its_length(lease_ms: int) -> None:
    with pytest.raises(UserError, match=f"found {lease_ms} ms") as refusal:
        Candidate("leader", "a", print, lease_ms=lease_ms)
    assert refusal.value.exit_code == 2
