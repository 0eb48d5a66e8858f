"""Whatever is asked of records in whatever order, also beside C# servers, the answers are those of a small model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from jellyfin_ha.operations.leases import (
    Corrupt,
    Found,
    Given,
    Held,
    LiveStream,
    LiveStreams,
    Reason,
    Refused,
    TranscodeSession,
    TranscodeSessions,
)
from jellyfin_ha.operations.leases.calls import Call
from jellyfin_ha.operations.leases.keys import (
    SESSION_COUNTER,
    STREAM_COUNTER,
    fence_key,
    hold_key,
    pause_key,
    session_key,
    stream_key,
)
from tests.integration.lease_drivers import Driver, await_time_past, driver, make_counter
from tests.integration.processes import RedisServer, running_redis

pytestmark = pytest.mark.integration

# Neither ends by itself during a test: the model ends leases, records and pauses, in Redis.
PAUSE_MS = 60_000
FOREIGN_MS = 300_000
OWNERS = st.sampled_from(["a", "b", "c"])
# Who asks: the holder with its token; its owner's name with an older token; another one with the holder's token.
CLAIMS = st.sampled_from(["holder", "holder", "holder", "stale", "stranger"])
SMALL = st.integers(0, 3)
MANIFESTS = st.sampled_from(["", "/m"])
# Mostly the same few, so that much happens to one.
IDS = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3])


@dataclass(frozen=True)
class Kept:
    """A record in Redis."""

    record: Any
    text: str
    live: bool


@dataclass(frozen=True)
class Hold:
    """The token beside it, which C# servers leave alone."""

    owner: str
    token: int


class RecordMachine(RuleBasedStateMachine):
    """Some records of one kind, three servers of ours and C# servers of the same names."""

    kind: Any
    counter: str

    def __init__(self, store: Driver, client: redis.Redis) -> None:
        super().__init__()
        self.store = store
        self.client = client
        self.kept: dict[int, Kept] = {}
        self.holds: dict[int, Hold] = {}
        self.tokens = [0]
        self.seen: list[tuple[int, Found[Any]]] = []
        # Written by C# servers since we wrote them last.
        self.theirs: set[int] = set()
        self.seeded = self.paused = False
        client.flushall()
        self.seed(pause=False)

    def new(self, which: int, owner: str) -> Any:
        """A record of the kind."""
        raise NotImplementedError

    def keys(self, which: int) -> tuple[str, ...]:
        """Where it lies."""
        raise NotImplementedError

    def get(self, which: int) -> Call[Found[Any] | Corrupt | None]:
        """The question for it."""
        raise NotImplementedError

    def ended(self, text: str, now_ms: int) -> str:
        """The text once its lease has ended."""
        return text

    def written(self, record: Any, before: Any) -> Any:
        """What Redis keeps of a record that is written."""
        return record

    # The store itself.

    @rule(pause=st.booleans())
    def seed(self, pause: bool) -> None:
        made, value = make_counter(self.client, self.counter, pause_ms=PAUSE_MS if pause else 0)
        assert made is not self.seeded
        if made:
            assert value >= self.tokens[-1], "tokens grow also over a loss of data"
            self.seeded, self.paused = True, self.paused or pause

    @precondition(lambda self: self.seeded)
    @rule(records_too=st.booleans())
    def lose_data(self, records_too: bool) -> None:
        if records_too:
            self.client.flushall()
            self.kept, self.holds, self.paused = {}, {}, False
        else:
            self.client.delete(fence_key(self.counter))
        self.seeded = False
        await_time_past(self.client, self.tokens[-1])

    @precondition(lambda self: self.paused)
    @rule()
    def end_the_pause(self) -> None:
        self.client.delete(pause_key(self.counter))
        self.paused = False

    @rule()
    def forget_the_scripts(self) -> None:
        self.client.script_flush()

    # Time.

    @rule(which=IDS)
    def end_a_lease(self, which: int) -> None:
        kept = self.kept.get(which)
        if kept is None or not kept.live:
            return
        seconds, microseconds = self.client.time()
        past = seconds * 1000 + microseconds // 1000 - 1
        text = self.ended(kept.text, past)
        for key in self.keys(which):
            self.client.set(key, text, keepttl=True)
            if hold := cast(str | None, self.client.get(hold_key(key))):
                self.client.set(hold_key(key), json.dumps({**json.loads(hold), "ends": past}), keepttl=True)
        self.kept[which] = replace(kept, text=text, live=self.still_lives(which))

    def still_lives(self, which: int) -> bool:
        """Whether a record is held in spite of the end of our lease."""
        return False

    @rule(which=IDS)
    def end_a_record(self, which: int) -> None:
        self.client.delete(*self.keys(which), *map(hold_key, self.keys(which)))
        self.kept.pop(which, None)
        self.holds.pop(which, None)

    # C# servers.

    @rule(which=IDS)
    def foreign_delete(self, which: int) -> None:
        self.client.delete(*self.keys(which))
        self.kept.pop(which, None)

    # Ours.

    @rule(which=IDS, owner=OWNERS, again=st.booleans())
    def create(self, which: int, owner: str, again: bool) -> None:
        record = self.new(which, owner)
        call = self.kind.create(record)
        answer = self.store.do(call)
        kept = self.kept.get(which)
        if kept is not None:
            self.refuses(answer, Reason.TAKEN if kept.live else Reason.EXPIRED, kept.record.owner)
        elif not self.closed(answer):
            self.won(which, record, answer)
        if again and isinstance(answer, Held):
            self.same(which, self.store.do(call))

    @rule(which=IDS, owner=OWNERS, again=st.booleans())
    def take_over(self, which: int, owner: str, again: bool) -> None:
        call = self.kind.take_over(self.new(which, "anybody"), owner)
        answer = self.store.do(call)
        kept = self.kept.get(which)
        if kept is None:
            self.refuses(answer, Reason.ABSENT)
        elif kept.live:
            self.refuses(answer, Reason.TAKEN, kept.record.owner)
        elif not self.closed(answer):
            self.won(which, kept.record.model_copy(update={"owner": owner}), answer)
        if again and isinstance(answer, Held):
            self.same(which, self.store.do(call))

    @rule(which=IDS, claim=CLAIMS)
    def renew(self, which: int, claim: str) -> None:
        owner, token = self.claimed(which, claim)
        answer = self.store.do(self.kind.renew(self.new(which, owner), token))
        if self.holds_on(which, owner, token, answer, only_live=True):
            self.keeps(which, self.kept[which].record, answer)

    @rule(which=IDS, claim=CLAIMS, number=SMALL)
    def set(self, which: int, claim: str, number: int) -> None:
        owner, token = self.claimed(which, claim)
        record = self.with_progress(self.new(which, owner), number)
        answer = self.store.do(self.kind.set(record, token))
        if self.holds_on(which, owner, token, answer, only_live=True):
            self.keeps(which, record, answer)

    @rule(which=IDS, claim=CLAIMS)
    def delete(self, which: int, claim: str) -> None:
        owner, token = self.claimed(which, claim)
        answer = self.store.do(self.kind.delete(self.new(which, owner), token))
        if self.holds_on(which, owner, token, answer, only_live=False):
            del self.kept[which], self.holds[which]

    def with_progress(self, record: Any, number: int) -> Any:
        """A record that says something else than a new one."""
        return record

    # People.

    @rule(which=IDS)
    def look(self, which: int) -> None:
        found = self.store.do(self.get(which))
        assert found is None or isinstance(found, Found)
        self.is_kept(which, found)
        if found is not None:
            self.seen.append((which, found))

    @precondition(lambda self: self.seen)
    @rule(ago=SMALL)
    def drop(self, ago: int) -> None:
        which, found = self.seen[max(len(self.seen) - 1 - ago, 0)]
        kept = self.kept.get(which)
        assert self.store.do(self.kind.drop(found)) is (kept is not None and kept.text == found.text)
        if kept is not None and kept.text == found.text:
            del self.kept[which]
            self.holds.pop(which, None)

    @invariant()
    def a_listing_tells_all(self) -> None:
        listing = self.store.walk(self.kind.list())
        assert listing.corrupt == ()
        assert len(listing.found) == len(self.kept)
        places = {self.kind._record_keys(self.new(which, "a")): which for which in self.kept}
        for found in listing.found:
            self.is_kept(places[self.kind._record_keys(found.record)], found)

    @invariant()
    def both_names_lead_to_the_same(self) -> None:
        for which, kept in self.kept.items():
            assert {self.client.get(key) for key in self.keys(which)} == {kept.text}

    # What is expected.

    def is_kept(self, which: int, found: Found[Any] | None) -> None:
        kept = self.kept.get(which)
        if kept is None:
            assert found is None
            return
        assert found is not None
        hold = self.holds.get(which)
        assert found.record == kept.record
        assert found.text == kept.text
        assert (found.left_ms > 0) is kept.live
        assert found.token == (hold.token if hold and hold.owner == kept.record.owner else None)

    def claimed(self, which: int, claim: str) -> tuple[str, int]:
        hold = self.holds.get(which, Hold("a", self.tokens[-1]))
        match claim:
            case "stale":
                return hold.owner, self.tokens[max(len(self.tokens) - 2, 0)]
            case "stranger":
                return "abc"[("abc".index(hold.owner) + 1) % 3], hold.token
            case _:
                return hold.owner, hold.token

    def closed(self, answer: object) -> bool:
        if not self.seeded:
            self.refuses(answer, Reason.UNSEEDED)
        elif self.paused:
            self.refuses(answer, Reason.PAUSED)
        return not self.seeded or self.paused

    def holds_on(self, which: int, owner: str, token: int, answer: object, *, only_live: bool) -> bool:
        """Whether who asks is the holder; the refusal is as it must be when not."""
        kept, hold = self.kept.get(which), self.holds.get(which)
        if kept is None:
            self.refuses(answer, Reason.ABSENT)
        elif kept.record.owner != owner or hold != Hold(owner, token):
            self.refuses(answer, Reason.LOST, kept.record.owner)
        elif only_live and not kept.live:
            self.refuses(answer, Reason.EXPIRED, owner)
        else:
            assert isinstance(answer, Held)
            assert answer.token == token
            return True
        return False

    def refuses(self, answer: object, reason: Reason, owner: str = "") -> None:
        assert isinstance(answer, Refused)
        assert (answer.reason, answer.owner) == (reason, owner)
        assert (answer.left_ms > 0) is (reason in (Reason.TAKEN, Reason.PAUSED))

    def won(self, which: int, record: Any, answer: object) -> None:
        assert isinstance(answer, Held)
        assert answer.token > self.tokens[-1], "tokens only grow"
        self.tokens.append(answer.token)
        self.holds[which] = Hold(record.owner, answer.token)
        self.keeps(which, record, answer)

    def keeps(self, which: int, record: Any, answer: object, *, live: bool = True) -> None:
        assert isinstance(answer, Held)
        before = self.kept.get(which)
        text = str(self.client.get(self.keys(which)[0]))
        found = self.kind._read(text)
        expected = self.written(record, before.record if before else found)
        assert found == expected
        if isinstance(answer, Given):
            assert answer.text == text
        self.kept[which] = Kept(expected, text, live)

    def same(self, which: int, answer: object) -> None:
        assert isinstance(answer, Given)
        assert (answer.token, answer.text) == (self.holds[which].token, self.kept[which].text)


class SessionMachine(RecordMachine):
    """Transcode sessions."""

    kind = TranscodeSessions()
    counter = SESSION_COUNTER

    def new(self, which: int, owner: str) -> TranscodeSession:
        return TranscodeSession(play_session_id=f"film {which}", owner=owner, media_source_id="ü")

    def keys(self, which: int) -> tuple[str, ...]:
        return (session_key(f"film {which}"),)

    def get(self, which: int) -> Call[Found[Any] | Corrupt | None]:
        return self.kind.get(f"film {which}")

    def ended(self, text: str, now_ms: int) -> str:
        return json.dumps({**json.loads(text), "LeaseExpiresUnixTimeMilliseconds": now_ms}, separators=(",", ":"))

    def with_progress(self, record: TranscodeSession, number: int) -> TranscodeSession:
        return record.model_copy(update={"last_segment": number, "segment_path_prefix": "p" * number})

    @rule(which=IDS, claim=CLAIMS, told=st.lists(st.tuples(SMALL, SMALL, MANIFESTS), min_size=1, max_size=3))
    def progress(self, which: int, claim: str, told: list[tuple[int, int, str]]) -> None:
        owner, token = self.claimed(which, claim)
        for segment, offset, manifest in told:
            record = self.new(which, owner).model_copy(
                update={"last_segment": segment, "offset_ticks": offset * 10**15, "manifest_path": manifest}
            )
            answer = self.store.do(self.kind.progress(record, token))
            if not self.holds_on(which, owner, token, answer, only_live=False):
                continue
            kept = self.kept[which]
            changed = {
                "last_segment": max(record.last_segment, kept.record.last_segment),
                "offset_ticks": max(record.offset_ticks, kept.record.offset_ticks),
                "manifest_path": manifest or kept.record.manifest_path,
            }
            self.keeps(which, kept.record.model_copy(update=changed), answer, live=kept.live)

    @rule(which=IDS, owner=OWNERS, form=st.sampled_from(["fork", "fork, ended", "original"]))
    def foreign_set(self, which: int, owner: str, form: str) -> None:
        """As the SetAsync of both."""
        fields = json.loads(self.new(which, owner).text())
        fields["LeaseExpiresUtc"] = "2026-03-31T12:00:30.1234567Z"
        if form != "original":
            seconds, _ = self.client.time()
            fields["LeaseExpiresUnixTimeMilliseconds"] = seconds * 1000 + (60_000 if form == "fork" else -60_000)
        text = json.dumps(fields, separators=(",", ":"))
        self.client.set(self.keys(which)[0], text, px=FOREIGN_MS)
        self.kept[which] = Kept(self.new(which, owner), text, form != "fork, ended")


class StreamMachine(RecordMachine):
    """Live streams, some under two names."""

    kind = LiveStreams()
    counter = STREAM_COUNTER
    ids = (("tuner", "tv", "play 0"), ("tuner", "phone", "play 1"), ("radio", "tv", ""), ("radio", "same", "same"))

    def new(self, which: int, owner: str) -> LiveStream:
        stream, session, play = self.ids[which]
        return LiveStream(live_stream_id=stream, session_id=session, play_session_id=play, owner=owner)

    def keys(self, which: int) -> tuple[str, ...]:
        stream, *others = self.ids[which]
        return tuple(stream_key(stream, other) for other in dict.fromkeys(others) if other)

    def get(self, which: int) -> Call[Found[Any] | Corrupt | None]:
        stream, session, play = self.ids[which]
        return self.kind.get(stream, play or session)

    def written(self, record: LiveStream, before: LiveStream) -> LiveStream:
        """It was opened when it was first written."""
        assert before.opened_at
        return record.model_copy(update={"opened_at": record.opened_at or before.opened_at})

    def still_lives(self, which: int) -> bool:
        return which in self.theirs

    def keeps(self, which: int, record: Any, answer: object, *, live: bool = True) -> None:
        super().keeps(which, record, answer, live=live)
        self.theirs.discard(which)

    @rule(which=IDS, owner=OWNERS)
    def foreign_set(self, which: int, owner: str) -> None:
        """As SetLiveStreamAsync: it is held as long as Redis keeps it, whoever held it here before."""
        record = self.new(which, owner).model_copy(update={"opened_at": "2026-03-31T12:00:00.1234567Z"})
        for key in self.keys(which):
            self.client.set(key, record.text(), px=FOREIGN_MS)
        self.kept[which] = Kept(record, record.text(), live=True)
        self.theirs.add(which)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis whose content is the machines'."""
    with running_redis(settings={"appendfsync": "no"}) as server:
        yield server


@pytest.mark.parametrize("in_asyncio", [False, True], ids=["threads", "asyncio"])
@pytest.mark.parametrize("machine", [SessionMachine, StreamMachine])
def test_records_behave_as_their_model_says(
    server: RedisServer, machine: Callable[[Driver, redis.Redis], RecordMachine], in_asyncio: bool
) -> None:
    client = server.client()
    with driver(server, in_asyncio=in_asyncio) as store:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            lambda: machine(store, client),
            settings=settings(max_examples=80, stateful_step_count=40, deadline=None),
        )
