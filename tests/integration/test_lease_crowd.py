"""Many who ask at once, two names of one live stream, and candidates that something else befalls."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

import pytest

from jellyfin_ha.operations.leases import (
    AsyncRedisStore,
    Candidate,
    Elected,
    Endpoint,
    Event,
    Found,
    Given,
    Held,
    LiveStream,
    LiveStreams,
    Patience,
    Reason,
    RedisStore,
    Refused,
    Timing,
    TranscodeSessions,
    events,
    in_background,
    open_async_store,
    open_store,
    seed,
    status,
)
from jellyfin_ha.operations.leases.keys import lease_key, stream_key
from tests.integration.conftest import RedisFactory
from tests.integration.processes import RedisServer, wait_until

pytestmark = pytest.mark.integration

STREAMS = LiveStreams()
SHORT = LiveStreams(Timing(lease_ms=50, renew_ms=20, retention_ms=60_000))


@pytest.fixture
def server(redis_server: RedisFactory) -> RedisServer:
    """A Redis that gives leases at once."""
    found = redis_server()
    seed(found.endpoint, pause_ms=0)
    return found


def test_who_asks_when_all_connections_are_in_use_waits_and_a_leader_goes_on(server: RedisServer) -> None:
    happened: list[Event] = []

    async def ask() -> None:
        async with open_async_store(server.endpoint, replicas=2) as store:
            leading = asyncio.create_task(Candidate("leader", "a", happened.append, lease_ms=1000).run(store))
            sessions = TranscodeSessions()
            for _ in range(4):
                answers = await asyncio.gather(*(store.do(sessions.get(f"s{number}")) for number in range(500)))
                assert answers == [None] * 500
                await asyncio.sleep(0.3)
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)

    asyncio.run(ask())
    assert [type(event).__name__ for event in happened] == ["Elected", "Ended"]


def test_a_live_stream_that_is_held_under_its_other_name_is_not_given_again(server: RedisServer) -> None:
    with open_store(server.endpoint, replicas=2) as store:
        first = LiveStream(live_stream_id="L", session_id="s1", play_session_id="p", owner="a")
        second = LiveStream(live_stream_id="L", session_id="s2", play_session_id="p", owner="b")
        held = store.do(STREAMS.create(first))
        assert isinstance(held, Held)

        refused = store.do(STREAMS.create(second))

        assert isinstance(refused, Refused)
        assert (refused.reason, refused.owner) == (Reason.TAKEN, "a")
        assert isinstance(store.do(STREAMS.renew(first, held.token)), Held)


def test_a_record_that_a_server_of_the_forks_wrote_under_one_name_is_respected(server: RedisServer) -> None:
    stream = LiveStream(live_stream_id="L", session_id="s", play_session_id="p", owner="a")
    theirs = stream.model_copy(update={"owner": "b", "opened_at": "2026-03-31T12:00:00Z"})
    server.client().set(stream_key("L", "p"), theirs.text(), px=30_000)
    with open_store(server.endpoint, replicas=2) as store:
        refused = store.do(STREAMS.create(stream))
        assert isinstance(refused, Refused)
        assert (refused.reason, refused.owner) == (Reason.TAKEN, "b")


def test_a_record_that_the_same_server_wrote_anew_is_held_as_long_as_redis_keeps_it(server: RedisServer) -> None:
    stream = LiveStream(live_stream_id="L", session_id="s", owner="a")
    client = server.client()
    with open_store(server.endpoint, replicas=2) as store:
        assert isinstance(store.do(SHORT.create(stream)), Held)
        wait_until(lambda: _left(store, "s") == 0, seconds=5, what="the end of the lease")
        client.set(
            stream_key("L", "s"), stream.model_copy(update={"opened_at": "2026-03-31T12:00:00Z"}).text(), px=9000
        )
        refused = store.do(STREAMS.take_over(stream, "b"))
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.TAKEN


def test_what_was_found_under_one_of_two_names_can_be_dropped(server: RedisServer) -> None:
    whole = LiveStream(live_stream_id="L", session_id="s", play_session_id="p", owner="a")
    with open_store(server.endpoint, replicas=2) as store:
        store.do(SHORT.create(whole))
        wait_until(lambda: _left(store, "s") == 0, seconds=5, what="the end of the lease")
        # Who does not know the other name takes over the one that it knows.
        assert isinstance(store.do(STREAMS.take_over(whole.model_copy(update={"play_session_id": ""}), "b")), Given)
        (found,) = store.walk(STREAMS.list()).found
        assert found.record.owner == "b"
        assert store.do(STREAMS.drop(found))
        (left,) = store.walk(STREAMS.list()).found
        assert store.do(STREAMS.drop(left))
        assert store.walk(STREAMS.list()).found == ()


def _left(store: object, name: str) -> int:
    assert isinstance(store, RedisStore)
    found = store.do(STREAMS.get("L", name))
    assert isinstance(found, Found)
    return found.left_ms


def test_a_cancellation_while_a_leader_hands_over_is_not_lost(server: RedisServer) -> None:
    async def lead(store: AsyncRedisStore, ready: asyncio.Event) -> None:
        async with aclosing(events(store, "leader", "a")) as happened:
            async for event in happened:
                assert isinstance(event, Elected)
                server.client().execute_command("CLIENT", "PAUSE", 700, "ALL")
                ready.set()
                break
        await asyncio.sleep(60)

    async def run() -> None:
        client = server.endpoint.async_client(Patience(tries=1))
        ready = asyncio.Event()
        task = asyncio.create_task(lead(AsyncRedisStore(client), ready))
        await ready.wait()
        await asyncio.sleep(0.1)
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        await client.aclose()

    asyncio.run(run())


def test_what_a_callback_raises_in_the_background_is_logged_frees_the_role_and_comes_out(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(event: Event) -> None:
        raise RuntimeError("not now")

    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(RuntimeError, match="not now"),
        in_background(Candidate("leader", "a", refuse), server.endpoint),
    ):
        wait_until(lambda: "stands no more" in caplog.text, seconds=5, what="the word in the log")
    assert status(server.endpoint).holder is None


@pytest.mark.parametrize("garbage", ["garbage", "{}", '{"owner": "x"}', '{"owner": "x", "term": "t"}', "[1]"])
def test_a_lease_that_cannot_be_read_ends_no_candidacy(
    garbage: str, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.client().set(lease_key("leader"), garbage, px=1500)
    with in_background(Candidate("leader", "a", lambda _: None), server.endpoint) as candidate:
        wait_until(lambda: "it cannot be read" in caplog.text, seconds=5, what="the word in the log")
        wait_until(lambda: candidate.term is not None, seconds=5, what="the election once it is gone")


def test_a_store_that_was_never_seeded_is_told_of_in_the_log(
    redis_server: RedisFactory, caplog: pytest.LogCaptureFixture
) -> None:
    with in_background(Candidate("leader", "a", lambda _: None), redis_server().endpoint):
        wait_until(lambda: "never seeded" in caplog.text, seconds=5, what="the word in the log")


def test_an_endpoint_shows_no_password() -> None:
    for endpoint in (Endpoint("redis://:hidden@host/0"), Endpoint("redis://host/0", password="hidden")):
        assert "hidden" not in repr(endpoint)
