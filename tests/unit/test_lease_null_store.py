"""Without Redis a single server asks the same and gets whatever it asks for; several servers are refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from math import inf
from typing import Any

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import (
    AsyncNullStore,
    AsyncStore,
    Corrupt,
    Found,
    Given,
    Held,
    Listing,
    LiveStream,
    LiveStreams,
    NullStore,
    Reason,
    Refused,
    RoleHeld,
    RoleLease,
    Store,
    TranscodeSession,
    TranscodeSessions,
    open_async_store,
    open_store,
)

FILM = TranscodeSession(play_session_id="film", owner="a", last_segment=3)
TUNER = LiveStream(live_stream_id="tuner", session_id="tv", owner="a", opened_at="2026-03-31T12:00:00Z")


class InLoop(Store):
    """An asynchronous store, asked and waited for."""

    def __init__(self, store: AsyncStore) -> None:
        super().__init__(store.clock)
        self._store = store

    def do(self, call: Any) -> Any:
        return asyncio.run(self._store.do(call))

    def walk(self, steps: Any) -> Any:
        return asyncio.run(self._store.walk(steps))

    def _scan(self, scan: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(params=["threads", "asyncio"])
def store(request: pytest.FixtureRequest) -> Generator[Store]:
    """The store of a single server."""
    if request.param == "threads":
        with open_store(None, replicas=1) as opened:
            yield opened
        return

    async def opened_asynchronously() -> AsyncStore:
        async with open_async_store(None, replicas=1) as opened:
            return opened

    yield InLoop(asyncio.run(opened_asynchronously()))


@pytest.mark.parametrize(("kind", "record"), [(TranscodeSessions(), FILM), (LiveStreams(), TUNER)])
def test_every_lease_is_given_and_held_for_ever(store: Store, kind: Any, record: Any) -> None:
    given = store.do(kind.create(record))
    assert isinstance(given, Given)
    assert (given.record, given.ends_at, given.token) == (record, inf, 0)
    for call in (kind.renew(record, 0), kind.set(record, 0), kind.delete(record, 0)):
        assert store.do(call) == Held(0, inf)


def test_progress_is_told_to_nobody_and_held(store: Store) -> None:
    assert store.do(TranscodeSessions().progress(FILM, 0)) == Held(0, inf)


@pytest.mark.parametrize(
    ("kind", "record", "get"),
    [
        (TranscodeSessions(), FILM, TranscodeSessions().get("film")),
        (LiveStreams(), TUNER, LiveStreams().get("tuner", "tv")),
    ],
)
def test_no_record_is_found_taken_over_listed_or_dropped(store: Store, kind: Any, record: Any, get: Any) -> None:
    store.do(kind.create(record))
    assert store.do(get) is None
    assert store.do(kind.take_over(record, "b")) == Refused(Reason.ABSENT)
    assert store.walk(kind.list()) == Listing((), ())
    assert store.do(kind.drop(Found(record, 0, None, record.text()))) is False
    assert store.do(kind.drop_corrupt(Corrupt("key", "wrong", "text"))) is False


def test_the_only_server_leads(store: Store) -> None:
    lease = RoleLease("leader", "a", 30_000)
    assert store.do(lease.acquire()) == RoleHeld(1, inf)
    assert store.do(lease.depose(1)) == RoleHeld(1, inf)
    assert store.do(lease.renew(1)) == inf
    assert store.do(lease.release(1)) is True


def test_wrong_values_are_refused_without_redis_as_well() -> None:
    with pytest.raises(ValueError, match="owner"):
        TranscodeSession(play_session_id="film", owner="")
    with pytest.raises(ValueError, match="at least 1 character"):
        TranscodeSessions().get("")


@pytest.mark.parametrize("replicas", [0, 2, 3])
def test_several_servers_without_redis_are_refused(replicas: int) -> None:
    def opened() -> None:
        with open_store(None, replicas=replicas):
            pass

    async def opened_asynchronously() -> None:
        async with open_async_store(None, replicas=replicas):
            pass

    for refuses in (opened, lambda: asyncio.run(opened_asynchronously())):
        with pytest.raises(UserError, match=rf"of {replicas} servers, found none.*set replicas to 1") as refusal:
            refuses()
        assert refusal.value.exit_code == 2


def test_what_was_chosen_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def opened_asynchronously() -> None:
        async with open_async_store(None, replicas=1) as store:
            assert isinstance(store, AsyncNullStore)

    with caplog.at_level(logging.INFO):
        with open_store(None, replicas=1) as store:
            assert isinstance(store, NullStore)
        asyncio.run(opened_asynchronously())
    told = [record for record in caplog.records if "the only one" in record.message]
    assert [record.levelname for record in told] == ["WARNING", "WARNING"]
