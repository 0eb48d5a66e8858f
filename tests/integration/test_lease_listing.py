"""Whatever lies in Redis, a listing shows every record that there is, and names what is none."""

from __future__ import annotations

import pytest

from jellyfin_ha.operations.leases import Corrupt, LiveStreams, Reason, Refused, TranscodeSession, TranscodeSessions
from jellyfin_ha.operations.leases.keys import session_key
from tests.integration.conftest import RedisFactory
from tests.integration.lease_stores import seeded, stream, transcode

pytestmark = pytest.mark.integration


def test_two_clients_of_one_live_stream_are_both_listed(redis_server: RedisFactory) -> None:
    with seeded(redis_server().url) as store:
        stream(store, "tuner", "s1", "jellyfin-0")
        stream(store, "tuner", "s2", "jellyfin-1")
        found = store.walk(LiveStreams().list()).found
    assert [(one.record.session_id, one.record.owner) for one in found] == [("s1", "jellyfin-0"), ("s2", "jellyfin-1")]


def test_text_that_is_not_utf8_is_corrupt_and_can_be_dropped(redis_server: RedisFactory) -> None:
    server = redis_server()
    sessions = TranscodeSessions()
    with seeded(server.url) as store:
        transcode(store, "film")
        server.client().set(session_key("broken"), b'{"PlaySessionId":"broken","OwnerPod":"\xff"}')
        server.client().set(b"jellyfin:transcode:\xff", b"\xff")
        listing = store.walk(sessions.list())
        assert [one.record.play_session_id for one in listing.found] == ["film"]
        assert len(listing.corrupt) == 2
        assert all(store.do(sessions.drop_corrupt(one)) for one in listing.corrupt)
        assert store.walk(sessions.list()).corrupt == ()


def test_a_key_of_another_type_is_corrupt_and_can_be_dropped(redis_server: RedisFactory) -> None:
    server = redis_server()
    sessions = TranscodeSessions()
    with seeded(server.url) as store:
        transcode(store, "film")
        server.client().rpush(session_key("list"), "x")
        listing = store.walk(sessions.list())
        assert [one.record.play_session_id for one in listing.found] == ["film"]
        (corrupt,) = listing.corrupt
        refused = store.do(sessions.create(TranscodeSession(play_session_id="list", owner="jellyfin-0")))
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.CORRUPT
        assert isinstance(store.do(sessions.get("list")), Corrupt)
        assert store.do(sessions.drop_corrupt(corrupt))
        assert not server.client().exists(session_key("list"))
