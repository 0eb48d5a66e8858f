"""What is no record, id or duration is refused in words that show it, and nothing is written; what lies in Redis and is
none stops nobody, is nobody's, and can be dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import (
    Corrupt,
    Found,
    Held,
    LiveStream,
    LiveStreams,
    Reason,
    RecordError,
    RedisStore,
    Refused,
    RoleLease,
    Timing,
    TranscodeSession,
    TranscodeSessions,
)
from jellyfin_ha.operations.leases.keys import session_key, stream_key
from jellyfin_ha.operations.leases.records import StoredSession
from tests.integration.lease_stores import running_store

pytestmark = pytest.mark.integration

FILM = TranscodeSession(play_session_id="film", owner="a")
TUNER = LiveStream(live_stream_id="tuner", session_id="tv", play_session_id="play", owner="a")
SESSIONS, STREAMS = TranscodeSessions(), LiveStreams()
KEY, STREAM_KEY = session_key("film"), stream_key("tuner", "tv")
GOOD = {
    "PlaySessionId": "film",
    "OwnerPod": "a",
    "LeaseExpiresUtc": "2001-01-01T00:00:00Z",
    "ManifestPath": "",
    "SegmentPathPrefix": "",
    "MediaSourceId": "m",
    "LastCompletedSegmentIndex": 1,
    "LastDurablePlaybackOffset": 1,
    "LeaseExpiresUnixTimeMilliseconds": 1,
}
GOOD_STREAM = {
    "LiveStreamId": "tuner",
    "SessionId": "tv",
    "PlaySessionId": "play",
    "OwnerPod": "a",
    "OpenedAtUtc": "2001-01-01T00:00:00Z",
}


@pytest.fixture(scope="module")
def seeded() -> Iterator[RedisStore]:
    """A store that gives leases."""
    with running_store() as store:
        yield store


@pytest.fixture
def store(seeded: RedisStore) -> RedisStore:
    """The same without records."""
    for key in seeded.client.scan_iter():
        if not str(key).startswith(("jellyfin-ha:fence:", "jellyfin-ha:schema")):
            seeded.client.delete(key)
    return seeded


def _text(good: dict[str, object], **changed: object) -> str:
    return json.dumps({**good, **changed})


BAD_NAMES = {
    "empty": "",
    "257 characters": "x" * 257,
    "a line break": "a\nb",
    "NUL": "a\0b",
    "DEL": "a\x7fb",
    "a control character of Unicode": "a\u0085b",
    "half a character": "a\ud800b",
    "a byte that is no character": "a\udc80b",
}


def _refuses(call: Callable[[], object], value: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as refusal:
        call()
    words = str(refusal.value)
    words.encode()
    assert value[:10] in words or repr(value[:10])[1:-1] in words or "surrogate" in words or "too_short" in words, words


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_an_id_or_a_name_that_is_none_is_refused(name: str) -> None:
    for call in (
        lambda: TranscodeSession(play_session_id=name, owner="a"),
        lambda: TranscodeSession(play_session_id="film", owner=name),
        lambda: LiveStream(live_stream_id=name, session_id="tv", owner="a"),
        lambda: LiveStream(live_stream_id="tuner", session_id=name, owner="a"),
        lambda: LiveStream(live_stream_id="tuner", session_id="tv", owner=name),
        lambda: SESSIONS.get(name),
        lambda: STREAMS.get(name, "tv"),
        lambda: STREAMS.get("tuner", name),
        lambda: SESSIONS.take_over(FILM, name),
        lambda: STREAMS.take_over(TUNER, name),
        lambda: RoleLease("leader", name, 30_000),
    ):
        _refuses(call, name)


@pytest.mark.parametrize(
    "name", [name for name in BAD_NAMES.values() if name], ids=[name for name in BAD_NAMES if name != "empty"]
)
def test_what_need_not_be_there_is_refused_when_it_is_wrong(name: str) -> None:
    long = name * 17
    for call in (
        lambda: TranscodeSession(play_session_id="film", owner="a", media_source_id=name),
        lambda: TranscodeSession(play_session_id="film", owner="a", manifest_path=long),
        lambda: TranscodeSession(play_session_id="film", owner="a", segment_path_prefix=long),
        lambda: LiveStream(live_stream_id="tuner", session_id="tv", owner="a", play_session_id=name),
        lambda: LiveStream(live_stream_id="tuner", session_id="tv", owner="a", opened_at=long),
    ):
        _refuses(call, name)


@pytest.mark.parametrize("value", ["yesterday", "2026-02-30T00:00:00Z", "2026-02-03", "12:00"])
def test_a_time_of_opening_that_no_server_reads_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=value):
        LiveStream(live_stream_id="tuner", session_id="tv", owner="a", opened_at=value)


@pytest.mark.parametrize("field", ["last_segment", "offset_ticks"])
@pytest.mark.parametrize("value", [-1, 2**53 + 1, 10**30, 1.5, "7", True, None])
def test_a_number_that_is_none_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field.split("_")[0]) as refusal:
        TranscodeSession(play_session_id="film", owner="a", **{field: value})  # type: ignore[arg-type]
    assert repr(value)[:10] in str(refusal.value)


def test_more_segments_than_a_server_can_count_are_refused() -> None:
    with pytest.raises(ValueError, match="2147483648"):
        TranscodeSession(play_session_id="film", owner="a", last_segment=2**31)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"lease_ms": 49, "renew_ms": 10}, "found 49 ms"),
        ({"lease_ms": 60_001}, "found 60001 ms"),
        ({"lease_ms": 30_000, "renew_ms": 15_001}, "found 15001 ms"),
        ({"renew_ms": 0}, "found 0 ms"),
        ({"renew_ms": -1}, "found -1 ms"),
        ({"retention_ms": 59_999}, "found 59999 ms"),
        ({"retention_ms": -1}, "found -1 ms"),
    ],
)
def test_durations_that_do_not_fit_each_other_are_refused(changed: dict[str, int], found: str) -> None:
    with pytest.raises(UserError, match=found) as refusal:
        Timing(**changed)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("lease_ms", [-1, 0, 49, 60_001])
def test_a_lease_of_a_role_that_is_too_short_or_too_long_is_refused(lease_ms: int) -> None:
    with pytest.raises(UserError, match=f"found {lease_ms} ms") as refusal:
        RoleLease("leader", "a", lease_ms)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("role", ["", "a b", "A", "-a", "x" * 64, "a:b", "a\n"])
def test_a_role_with_an_odd_name_is_refused(role: str) -> None:
    with pytest.raises(UserError) as refusal:
        RoleLease(role, "a", 30_000)
    assert refusal.value.exit_code == 2
    assert repr(role) in str(refusal.value)


@pytest.mark.parametrize("token", [-1, 0, 2**53, 10**30])
def test_a_token_that_was_never_given_holds_nothing(store: RedisStore, token: int) -> None:
    held = store.do(SESSIONS.create(FILM))
    assert isinstance(held, Held)
    for call in (SESSIONS.renew, SESSIONS.set, SESSIONS.progress, SESSIONS.delete):
        assert store.do(call(FILM, token)) == Refused(Reason.LOST, "a")
    assert store.client.get(KEY) == held.text


CORRUPT: dict[str, str | bytes] = {
    "nothing": "",
    "no JSON": "garbage",
    "JSON that ends too early": _text(GOOD)[:-5],
    "two records": _text(GOOD) * 2,
    "a list": "[]",
    "null": "null",
    "a text": '"film"',
    "a number": "1",
    "bytes that are no text": b'{"PlaySessionId":"film\xff"}',
    "half a character": _text(GOOD, MediaSourceId="\ud800"),
    "an unknown field": _text(GOOD, Color="red"),
    "an unknown field of several lines and columns": _text(GOOD, **{"Co\tlor\nof": "red"}),
    "a field of another case": _text(GOOD, playSessionId="film"),
    "a text for a number": _text(GOOD, LastCompletedSegmentIndex="1"),
    "a number for a text": _text(GOOD, MediaSourceId=1),
    "a list for a text": _text(GOOD, MediaSourceId=["m"]),
    "a truth for a number": _text(GOOD, LastCompletedSegmentIndex=True),
    "no number": _text(GOOD, LastDurablePlaybackOffset=None),
    "no number for the lease": _text(GOOD, LeaseExpiresUnixTimeMilliseconds=None),
    "a negative segment": _text(GOOD, LastCompletedSegmentIndex=-1),
    "a huge segment": _text(GOOD, LastCompletedSegmentIndex=2**31),
    "a huge offset": _text(GOOD, LastDurablePlaybackOffset=10**30),
    "half an offset": _text(GOOD, LastDurablePlaybackOffset=0.5),
    "no finite offset": _text(GOOD, LastDurablePlaybackOffset=float("inf")),
    "no offset at all": _text(GOOD, LastDurablePlaybackOffset=float("nan")),
    "an offset that System.Text.Json reads as no whole number": _text(GOOD).replace('Offset": 1', 'Offset": 1e3'),
    "an offset with a point": _text(GOOD).replace('Offset": 1', 'Offset": 1.0'),
    "an offset of another base": _text(GOOD).replace('Offset": 1', 'Offset": 0x10'),
    "a negative lease": _text(GOOD, LeaseExpiresUnixTimeMilliseconds=-1),
    "another id": _text(GOOD, PlaySessionId="other"),
    "no id": json.dumps({name: value for name, value in GOOD.items() if name != "PlaySessionId"}),
    "no owner": json.dumps({name: value for name, value in GOOD.items() if name != "OwnerPod"}),
    "an empty owner": _text(GOOD, OwnerPod=""),
    "a long owner": _text(GOOD, OwnerPod="x" * 257),
    "an owner with a line break": _text(GOOD, OwnerPod="a\nb"),
    "an owner with NUL": _text(GOOD, OwnerPod="a\0b"),
    "an owner with a control character of Unicode": _text(GOOD, OwnerPod="a\u0085b"),
    "a long path": _text(GOOD, ManifestPath="x" * 4097),
    "a date that is none": json.dumps(
        {name: value for name, value in GOOD.items() if name != "LeaseExpiresUnixTimeMilliseconds"}
        | {"LeaseExpiresUtc": "2001-02-30T00:00:00Z"}
    ),
    "no end of its lease": json.dumps({name: value for name, value in GOOD.items() if "Lease" not in name}),
}
CORRUPT_STREAMS: dict[str, str | bytes] = {
    "no JSON": "garbage",
    "another id": _text(GOOD_STREAM, LiveStreamId="other"),
    "another session": _text(GOOD_STREAM, SessionId="other", PlaySessionId="another"),
    "no owner": _text(GOOD_STREAM, OwnerPod=None),
    "an unknown field": _text(GOOD_STREAM, LeaseExpiresUtc="2001-01-01T00:00:00Z"),
    "a time of opening that is none": _text(GOOD_STREAM, OpenedAtUtc="yesterday"),
    "bytes that are no text": b'{"LiveStreamId":"tuner\xff"}',
}


def _stays_as_it_was(store: RedisStore, kind: TranscodeSessions | LiveStreams, record: object, key: str) -> None:
    before = store.client.dump(key)
    calls = (
        kind.create(record),  # type: ignore[arg-type]
        kind.take_over(record, "b"),  # type: ignore[arg-type]
        kind.renew(record, 1),  # type: ignore[arg-type]
        kind.set(record, 1),  # type: ignore[arg-type]
        kind.delete(record, 1),  # type: ignore[arg-type]
    )
    for call in calls:
        refused = store.do(call)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.CORRUPT
        assert refused.detail
    assert store.client.dump(key) == before
    assert not [key for key in store.client.scan_iter() if str(key).startswith("jellyfin-ha:hold")]


@pytest.mark.parametrize("what", CORRUPT)
def test_a_session_that_is_none_is_nobodys_and_can_be_dropped(store: RedisStore, what: str) -> None:
    # Found by the number of the key space, as a stranger's tool would leave it: with no time to live.
    store.client.set(KEY, CORRUPT[what])
    _stays_as_it_was(store, SESSIONS, FILM, KEY)
    assert isinstance(store.do(SESSIONS.progress(FILM, 1)), Refused)
    found = store.do(SESSIONS.get("film"))
    assert isinstance(found, Corrupt)
    assert found.wrong
    _can_be_dropped_from_a_listing(store)


def _can_be_dropped_from_a_listing(store: RedisStore) -> None:
    assert store.do(SESSIONS.create(TranscodeSession(play_session_id="zebra", owner="a")))
    listing = store.walk(SESSIONS.list())
    assert [one.record.play_session_id for one in listing.found] == ["zebra"]
    (corrupt,) = listing.corrupt
    assert corrupt.key == KEY
    assert store.do(SESSIONS.drop_corrupt(corrupt))
    assert not store.do(SESSIONS.drop_corrupt(corrupt))
    assert isinstance(store.do(SESSIONS.create(FILM)), Held)
    assert store.walk(SESSIONS.list()).corrupt == ()


@pytest.mark.parametrize("what", CORRUPT_STREAMS)
def test_a_stream_that_is_none_is_nobodys_and_can_be_dropped(store: RedisStore, what: str) -> None:
    store.client.set(STREAM_KEY, CORRUPT_STREAMS[what])
    _stays_as_it_was(store, STREAMS, TUNER, STREAM_KEY)
    assert isinstance(store.do(STREAMS.get("tuner", "tv")), Corrupt)
    (corrupt,) = store.walk(STREAMS.list()).corrupt
    assert store.do(STREAMS.drop_corrupt(corrupt))
    assert isinstance(store.do(STREAMS.create(TUNER)), Held)


def test_a_key_of_another_type_is_nobodys_and_can_be_dropped(store: RedisStore) -> None:
    store.client.hset(KEY, "PlaySessionId", "film")
    _stays_as_it_was(store, SESSIONS, FILM, KEY)
    found = store.do(SESSIONS.get("film"))
    assert isinstance(found, Corrupt)
    assert "hash" in found.text
    _can_be_dropped_from_a_listing(store)


@pytest.mark.parametrize("key", ["jellyfin:transcode:", b"jellyfin:transcode:\xff", "jellyfin:transcode:a\nb"])
def test_a_key_whose_id_is_none_stops_no_listing(store: RedisStore, key: str | bytes) -> None:
    store.client.set(key, _text(GOOD))
    assert store.do(SESSIONS.create(FILM))
    listing = store.walk(SESSIONS.list())
    assert [one.record for one in listing.found] == [FILM]
    (corrupt,) = listing.corrupt
    assert store.do(SESSIONS.drop_corrupt(corrupt))
    assert not store.client.exists(key)


def test_what_has_changed_since_it_was_seen_is_not_dropped(store: RedisStore) -> None:
    held = store.do(SESSIONS.create(FILM))
    assert isinstance(held, Held)
    found = store.do(SESSIONS.get("film"))
    assert isinstance(found, Found)
    renewed = store.do(SESSIONS.progress(FILM.model_copy(update={"last_segment": 1}), held.token))
    assert isinstance(renewed, Held)
    assert not store.do(SESSIONS.drop(found))
    assert store.client.exists(KEY)


def test_streams_of_several_sessions_are_all_listed(store: RedisStore) -> None:
    others = [TUNER, LiveStream(live_stream_id="tuner", session_id="phone", owner="b")]
    for one in others:
        assert store.do(STREAMS.create(one))
    assert {(one.record.session_id, one.record.owner) for one in store.walk(STREAMS.list()).found} == {
        ("tv", "a"),
        ("phone", "b"),
    }


def test_a_text_that_is_no_record_is_told_with_what_is_wrong() -> None:
    with pytest.raises(RecordError, match=r"LastCompletedSegmentIndex.*-7"):
        StoredSession.of(_text(GOOD, LastCompletedSegmentIndex=-7))
    with pytest.raises(RecordError, match="Color"):
        StoredSession.of(_text(GOOD, Color="red"))
    with pytest.raises(RecordError, match="JSON"):
        StoredSession.of("garbage")
