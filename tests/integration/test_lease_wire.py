"""The forks' C# servers can read what is written here, and what they write is read and taken over safely."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jellyfin_ha.operations.leases import (
    Found,
    Given,
    Held,
    LiveStream,
    LiveStreams,
    Reason,
    RedisStore,
    Refused,
    TranscodeSession,
    TranscodeSessions,
)
from jellyfin_ha.operations.leases.keys import session_key, stream_key
from jellyfin_ha.operations.leases.record_common import COMMON
from tests.integration.lease_stores import running_store

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).parent / "golden"
PLAY_ID = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"
KEY = session_key(PLAY_ID)
SESSIONS, STREAMS = TranscodeSessions(), LiveStreams()
SESSION_TYPES: dict[str, type] = {
    "PlaySessionId": str,
    "OwnerPod": str,
    "LeaseExpiresUtc": str,
    "ManifestPath": str,
    "SegmentPathPrefix": str,
    "MediaSourceId": str,
    "LastCompletedSegmentIndex": int,
    "LastDurablePlaybackOffset": int,
    "LeaseExpiresUnixTimeMilliseconds": int,
}
STREAM_TYPES: dict[str, type] = dict.fromkeys(
    ("LiveStreamId", "SessionId", "PlaySessionId", "OwnerPod", "OpenedAtUtc"), str
)
# What System.Text.Json takes for a DateTime, of what could be written here.
DOTNET_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,16})?(Z|[+-]\d\d:\d\d)?")
LATER, EARLIER = timedelta(minutes=10), timedelta(minutes=-10)


@pytest.fixture(scope="module")
def seeded() -> Iterator[RedisStore]:
    """A store that gives leases."""
    with running_store() as store:
        yield store


@pytest.fixture
def store(seeded: RedisStore) -> RedisStore:
    """The same without records."""
    _empty(seeded)
    return seeded


def _empty(store: RedisStore) -> None:
    kept = ("jellyfin-ha:fence:", "jellyfin-ha:schema")
    if keys := [key for key in store.client.scan_iter() if not str(key).startswith(kept)]:
        store.client.delete(*keys)


def golden(name: str, **changed: object) -> str:
    """A record as C# wrote it, with some values changed."""
    text = (GOLDEN / f"{name}.json").read_text().strip()
    for field, value in changed.items():
        text, count = re.subn(rf'("{field}":)("[^"]*"|\d+|null)', lambda at: at[1] + json.dumps(value), text)  # noqa: B023
        assert count == 1
    return text


def dotnet(moment: datetime, digits: int, zone: str) -> str:
    """A date as C# writes it: at most seven digits of a second, no zero at their end."""
    if zone not in ("", "Z"):
        hours, minutes = int(zone[1:3]), int(zone[4:])
        sign = -1 if zone[0] == "-" else 1
        moment = moment.astimezone(timezone(sign * timedelta(hours=hours, minutes=minutes)))
    fraction = f"{moment.microsecond:06d}5"[:digits].rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}{zone}"


def _found(store: RedisStore) -> Found[TranscodeSession]:
    found = store.do(SESSIONS.get(PLAY_ID))
    assert isinstance(found, Found)
    return found


def test_a_record_of_the_original_is_read(store: RedisStore) -> None:
    store.client.set(KEY, golden("original-session"), px=30_000)
    found = _found(store)
    assert found.record == TranscodeSession(play_session_id=PLAY_ID, owner="jellyfin-0", media_source_id="5d1e+m&ü")
    assert found.token is None
    assert found.text == golden("original-session")


def test_a_record_of_the_fork_is_read(store: RedisStore) -> None:
    store.client.set(KEY, golden("fork-session"), px=300_000)
    found = _found(store)
    assert found.record == TranscodeSession(
        play_session_id=PLAY_ID,
        owner="jellyfin-1",
        manifest_path="/cache/transcodes/8f14e45f.m3u8",
        segment_path_prefix="/cache/transcodes/8f14e45f",
        last_segment=42,
        offset_ticks=2_147_483_648_000,
    )
    assert (found.left_ms, found.token) == (0, None)


def test_a_stream_of_the_original_is_read_by_both_its_ids(store: RedisStore) -> None:
    for other in ("c0ffee", "9b1deb4d"):
        store.client.set(stream_key("tuner_1", other), golden("original-stream"), px=30_000)
    stream = LiveStream(
        live_stream_id="tuner_1",
        session_id="c0ffee",
        play_session_id="9b1deb4d",
        owner="jellyfin-0",
        opened_at="2026-03-31T12:00:00.1234567Z",
    )
    for other in ("c0ffee", "9b1deb4d"):
        found = store.do(STREAMS.get("tuner_1", other))
        assert isinstance(found, Found)
        assert found.record == stream
        assert 29_000 < found.left_ms <= 30_000
    assert [one.record for one in store.walk(STREAMS.list()).found] == [stream]


@pytest.mark.parametrize("zone", ["Z", "", "+02:00", "-09:30"])
@pytest.mark.parametrize("digits", range(8))
def test_a_record_of_the_original_that_stays_for_good_is_judged_by_its_date(
    store: RedisStore, digits: int, zone: str
) -> None:
    seconds, microseconds = store.client.time()
    now = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    store.client.set(KEY, golden("original-session", LeaseExpiresUtc=dotnet(now + LATER, digits, zone)))
    assert 598_000 < _found(store).left_ms <= 600_000
    refused = store.do(SESSIONS.take_over(_found(store).record, "jellyfin-1"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.owner) == (Reason.TAKEN, "jellyfin-0")

    store.client.set(KEY, golden("original-session", LeaseExpiresUtc=dotnet(now + EARLIER, digits, zone)))
    assert _found(store).left_ms == 0
    held = store.do(SESSIONS.take_over(_found(store).record, "jellyfin-1"))
    assert isinstance(held, Held)
    assert held.record.owner == "jellyfin-1"


def test_a_record_of_the_original_is_its_writers_as_long_as_redis_keeps_it(store: RedisStore) -> None:
    """Its writer renews by that, and its date is that of the writer's clock."""
    store.client.set(KEY, golden("original-session", LeaseExpiresUtc="2001-01-01T00:00:00Z"), px=700)
    found = _found(store)
    assert 0 < found.left_ms <= 700
    deadline = time.monotonic() + 5
    while isinstance(answer := store.do(SESSIONS.take_over(found.record, "jellyfin-1")), Refused):
        assert time.monotonic() < deadline
        if answer.reason is Reason.ABSENT:
            break
        assert answer.reason is Reason.TAKEN
    assert answer == Refused(Reason.ABSENT)
    assert isinstance(store.do(SESSIONS.create(found.record)), Held)


def test_a_stream_of_the_original_is_its_writers_as_long_as_redis_keeps_it(store: RedisStore) -> None:
    store.client.set(stream_key("tuner_1", "c0ffee"), golden("original-stream"), px=30_000)
    stream = LiveStream.of(golden("original-stream"))
    refused = store.do(STREAMS.take_over(stream, "jellyfin-1"))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TAKEN
    refused = store.do(STREAMS.create(stream))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TAKEN


def test_a_record_of_the_fork_is_taken_over_when_its_number_is_past_whatever_its_date_says(store: RedisStore) -> None:
    seconds, _ = store.client.time()
    later = dotnet(datetime.now(UTC) + LATER, 7, "Z")
    live = golden("fork-session", LeaseExpiresUnixTimeMilliseconds=(seconds + 20) * 1000)
    store.client.set(KEY, live, px=300_000)
    refused = store.do(SESSIONS.take_over(_found(store).record, "jellyfin-0"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.owner) == (Reason.TAKEN, "jellyfin-1")
    assert 18_000 < refused.left_ms <= 20_000

    ended = golden("fork-session", LeaseExpiresUtc=later, LeaseExpiresUnixTimeMilliseconds=(seconds - 1) * 1000)
    store.client.set(KEY, ended, px=300_000)
    before = _found(store).record
    held = store.do(SESSIONS.take_over(before, "jellyfin-0"))
    assert isinstance(held, Held)
    assert held.record == before.model_copy(update={"owner": "jellyfin-0"})
    assert set(_fields(held.text)) == set(SESSION_TYPES)


@pytest.mark.parametrize("record", ["original-session", "fork-session"])
def test_who_took_a_record_over_loses_it_when_its_old_owner_writes_once_more(store: RedisStore, record: str) -> None:
    store.client.set(KEY, golden(record, LeaseExpiresUtc="2001-01-01T00:00:00Z"))
    held = store.do(SESSIONS.take_over(_found(store).record, "jellyfin-2"))
    assert isinstance(held, Held)
    store.client.set(KEY, golden(record), px=30_000)
    for call in (SESSIONS.renew, SESSIONS.set, SESSIONS.progress, SESSIONS.delete):
        refused = store.do(call(held.record, held.token))
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.LOST
    assert _found(store).text == golden(record)
    assert _found(store).token is None


def _fields(text: str) -> dict[str, object]:
    return cast(dict[str, object], json.loads(text))


def _is_read_by_dotnet(text: str, types: dict[str, type], *dates: str) -> None:
    fields = _fields(text)
    assert {name: type(value) for name, value in fields.items()} == types
    for date in dates:
        assert DOTNET_DATE.fullmatch(str(fields[date]))
        datetime.fromisoformat(str(fields[date]))
    for number in re.findall(r'":([^",}]+)', text):
        assert re.fullmatch(r"\d+", number), "System.Text.Json reads no 1e+15 and no 1.0 as a whole number"


def test_the_fork_can_read_every_text_of_a_session(store: RedisStore) -> None:
    film = TranscodeSession(
        play_session_id=PLAY_ID, owner="jellyfin-0", media_source_id='ü/"\\<', last_segment=2**31 - 1
    )
    held = store.do(SESSIONS.create(film))
    assert isinstance(held, Given)
    texts = [held.text]
    further = film.model_copy(update={"offset_ticks": 10**15})
    for call in (SESSIONS.renew, SESSIONS.progress, SESSIONS.set):
        assert isinstance(store.do(call(further, held.token)), Held)
        texts.append(str(store.client.get(KEY)))
    for text in texts:
        _is_read_by_dotnet(text, SESSION_TYPES, "LeaseExpiresUtc")
    assert texts[-1] == store.client.get(KEY)
    fields = _fields(texts[-1])
    assert re.search('"LastDurablePlaybackOffset":1000000000000000[,}]', texts[-1])
    assert (fields["MediaSourceId"], fields["LastCompletedSegmentIndex"]) == ('ü/"\\<', 2**31 - 1)
    ends = datetime.fromisoformat(str(fields["LeaseExpiresUtc"]))
    assert ends.timestamp() * 1000 == pytest.approx(fields["LeaseExpiresUnixTimeMilliseconds"], abs=0.5)


def test_the_fork_can_read_every_text_of_a_stream_under_both_its_ids(store: RedisStore) -> None:
    stream = LiveStream(live_stream_id="t", session_id="s", play_session_id="p", owner="jellyfin-0")
    held = store.do(STREAMS.create(stream))
    assert isinstance(held, Given)
    _is_read_by_dotnet(held.text, STREAM_TYPES, "OpenedAtUtc")
    for call in (STREAMS.renew, STREAMS.set):
        assert isinstance(store.do(call(stream, held.token)), Held)
        for other in ("s", "p"):
            assert store.client.get(stream_key("t", other)) == held.text, "when it was opened stays"


def test_redis_keeps_a_session_for_its_retention(store: RedisStore) -> None:
    film = TranscodeSession(play_session_id=PLAY_ID, owner="jellyfin-0")
    held = store.do(SESSIONS.create(film))
    assert isinstance(held, Held)
    assert 299_000 < store.client.pttl(KEY) <= 300_000
    store.do(SESSIONS.progress(film, held.token))
    assert 299_000 < store.client.pttl(KEY) <= 300_000


@given(number=st.integers(0, 2**53))
@settings(max_examples=60, deadline=None)
def test_every_whole_number_comes_back_as_it_was(seeded: RedisStore, number: int) -> None:
    _empty(seeded)
    film = TranscodeSession(play_session_id=PLAY_ID, owner="a", offset_ticks=number)
    held = seeded.do(SESSIONS.create(film))
    assert isinstance(held, Held)
    assert re.search(f'"LastDurablePlaybackOffset":{number}[,}}]', held.text)
    assert held.record == film


PROBE = COMMON + "return {iso(tonumber(ARGV[3])), ms_of(ARGV[4]) and string.format('%.0f', ms_of(ARGV[4])) or ''}"
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 12, 31, 23, 59, 59, 999999), timezones=st.just(UTC))
LEAP_DAYS = st.sampled_from(
    [datetime(year, 2, 29, 23, 59, 59, 999000, UTC) for year in range(1972, 2200, 4) if year != 2100]
)
ZONES = st.builds(
    lambda sign, hours, minutes: f"{sign}{hours:02d}:{minutes:02d}",
    st.sampled_from("+-"),
    st.integers(0, 13),
    st.integers(0, 59),
)


def _calendar(store: RedisStore, ms: int, text: str) -> tuple[str, str]:
    answer = store.client.eval(PROBE, 4, "a", "b", "c", "d", "session", "", str(ms), text)
    written, read = cast(list[str], answer)
    return written, read


@given(moment=MOMENTS | LEAP_DAYS, digits=st.integers(0, 7), zone=st.just("Z") | st.just("") | ZONES)
@settings(max_examples=400, deadline=None)
def test_dates_in_redis_are_those_of_the_calendar(seeded: RedisStore, moment: datetime, digits: int, zone: str) -> None:
    ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    text = dotnet(moment, digits, zone)
    shown = text if zone else f"{text}Z"
    fraction = re.search(r"\.(\d+)", shown)
    meant = datetime.fromisoformat(re.sub(r"\.\d+", "", shown)) - datetime(1970, 1, 1, tzinfo=UTC)
    thousandths = int(f"{fraction[1]}000"[:3]) if fraction else 0

    written, read = _calendar(seeded, ms, text)

    assert datetime.fromisoformat(written) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert int(read) == meant // timedelta(milliseconds=1) + thousandths


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-04-00T00:00:00Z",
        "2026-04-01T24:00:00Z",
        "2026-04-01T00:60:00Z",
        "2026-04-01T00:00:60Z",
        "2026-04-01T00:00:00.Z",
        "2026-04-01T00:00:00+24:00",
        "2026-04-01T00:00:00+01:60",
        "2026-04-01T00:00:00z",
        "2026-04-01 00:00:00",
        "2026-04-01",
        "tomorrow",
        "",
    ],
)
def test_what_is_no_date_is_none_in_redis_either(store: RedisStore, text: str) -> None:
    assert _calendar(store, 0, text)[1] == ""


def test_progress_never_goes_back(store: RedisStore) -> None:
    film = TranscodeSession(play_session_id=PLAY_ID, owner="a", last_segment=7, offset_ticks=10**15)
    held = store.do(SESSIONS.create(film))
    assert isinstance(held, Held)
    store.do(SESSIONS.progress(film.model_copy(update={"last_segment": 6, "offset_ticks": 5}), held.token))
    assert _found(store).record == film
