"""Seeding prepares the leader's lease, once, and never disturbs one that is held."""

from __future__ import annotations

import json
import time

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import (
    Endpoint,
    Reason,
    RedisStore,
    Refused,
    RoleHeld,
    RoleLease,
    RoleRefused,
    TranscodeSession,
    TranscodeSessions,
    record_scripts,
    scripts,
    seed,
    status,
)
from jellyfin_ha.operations.leases.calls import Call, sha_of
from jellyfin_ha.operations.leases.keys import fence_key, lease_key, pause_key
from tests.integration.conftest import RedisFactory
from tests.integration.processes import RedisServer, wait_until

pytestmark = pytest.mark.integration

FENCE, LEASE, PAUSE = fence_key("leader"), lease_key("leader"), pause_key("leader")
COUNTERS = {FENCE, "jellyfin-ha:fence:transcode", "jellyfin-ha:fence:livestream"}
# Longer than any test.
PAUSE_MS = LEASE_MS = 60_000


def _lease(owner: str, lease_ms: int = LEASE_MS) -> RoleLease:
    return RoleLease("leader", owner, lease_ms)


def _won(store: RedisStore, owner: str, lease_ms: int = LEASE_MS) -> int:
    """The term that an owner was given."""
    answer = store.do(_lease(owner, lease_ms).acquire())
    assert isinstance(answer, RoleHeld)
    return answer.term


def _refused(store: RedisStore, owner: str) -> RoleRefused:
    answer = store.do(_lease(owner).acquire())
    assert isinstance(answer, RoleRefused)
    return answer


def _now_ms(server: RedisServer) -> int:
    seconds, microseconds = server.client().time()
    return seconds * 1000 + microseconds // 1000


def test_the_keys_are_those_that_other_programs_rely_on() -> None:
    assert (FENCE, LEASE) == ("jellyfin-ha:fence:leader", "jellyfin-ha:lease:leader")


def test_a_new_store_gets_counters_that_start_at_its_time_and_no_leader(redis_server: RedisFactory) -> None:
    server = redis_server()
    before = _now_ms(server)

    report = seed(server.endpoint)

    assert report.created
    assert before <= report.term <= _now_ms(server)
    client = server.client()
    found = {key: str(client.get(key)) for key in client.scan_iter()}
    pauses = {pause_key(name) for name in ("leader", "transcode", "livestream")}
    assert found.keys() == {*COUNTERS, *pauses, "jellyfin-ha:schema"}
    assert found["jellyfin-ha:schema"] == "1"
    assert found[FENCE] == str(report.term)
    assert {client.ttl(key) for key in COUNTERS} == {-1}
    loaded = [*scripts.ALL.values(), *record_scripts.SESSION.all(), *record_scripts.STREAM.all()]
    assert client.script_exists(*map(sha_of, loaded)) == [True] * len(loaded)
    assert status(server.endpoint).holder is None
    assert status(server.endpoint).term == report.term


def test_a_second_seeding_changes_nothing(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.endpoint, pause_ms=0)
    server.client().set(FENCE, "41")

    report = seed(server.endpoint)

    assert (report.created, report.term) == (False, 41)
    assert server.client().get(FENCE) == "41"


def test_a_second_seeding_makes_no_pause(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.endpoint, pause_ms=0)
    seed(server.endpoint, pause_ms=PAUSE_MS)
    assert not server.client().exists(PAUSE)
    assert _won(RedisStore(server.client()), "a")


def test_a_store_can_be_seeded_again_while_it_pauses(redis_server: RedisFactory) -> None:
    server = redis_server()
    first = seed(server.endpoint, pause_ms=PAUSE_MS)
    left = server.client().pttl(PAUSE)

    second = seed(server.endpoint, pause_ms=PAUSE_MS)

    assert (second.created, second.term) == (False, first.term)
    assert 0 < server.client().pttl(PAUSE) <= left


def test_a_new_role_pauses_no_other(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.endpoint, pause_ms=0)
    seed(server.endpoint, role="scheduler", pause_ms=PAUSE_MS)
    assert not server.client().exists(PAUSE)
    assert _won(RedisStore(server.client()), "a")


def test_after_a_loss_of_data_no_lease_is_given_until_the_pause_is_over(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.endpoint, pause_ms=0)
    store = RedisStore(server.client())
    sessions = TranscodeSessions()
    create = sessions.create(TranscodeSession(play_session_id="film", owner="a"))
    before = _won(store, "a")
    token = getattr(store.do(create), "token", 0)
    assert token

    server.client().flushall()
    assert _refused(store, "b") == RoleRefused("", 0, 0)
    assert store.do(create) == Refused(Reason.UNSEEDED)
    pause_ms = 700
    seeded_at = time.monotonic()
    assert seed(server.endpoint, pause_ms=pause_ms).created

    refused = _refused(store, "b")
    assert refused.owner == ""
    assert refused.term > before
    assert 0 < refused.left_ms <= pause_ms
    deposing = store.do(_lease("b").depose(refused.term))
    assert isinstance(deposing, RoleRefused)
    paused = store.do(create)
    assert isinstance(paused, Refused)
    assert paused.reason is Reason.PAUSED
    assert 0 < paused.left_ms <= pause_ms

    def given(call: Call[object]) -> bool:
        return bool(store.do(call))

    wait_until(lambda: given(_lease("b").acquire()), seconds=5, what="the end of the pause")
    assert time.monotonic() - seeded_at >= pause_ms / 1000
    assert status(server.endpoint).term == refused.term + 1
    assert getattr(store.do(create), "token", 0) > token


def test_a_lease_that_is_held_is_left_alone(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.endpoint, pause_ms=0)
    client = server.client()
    term = _won(RedisStore(client), "jellyfin-0")
    before = client.get(LEASE), client.get(FENCE)

    seed(server.endpoint)

    assert (client.get(LEASE), client.get(FENCE)) == before
    assert 50_000 < client.pttl(LEASE) <= 60_000
    found = status(server.endpoint)
    assert (found.holder, found.term) == ("jellyfin-0", term)
    assert found.left_ms is not None
    assert 50_000 < found.left_ms <= 60_000
    assert json.loads(str(before[0])).keys() == {"owner", "term", "acquired_at_ms", "call"}


def test_a_counter_that_was_lost_continues_past_the_term_of_the_holder(redis_server: RedisFactory) -> None:
    server = redis_server()
    client = server.client()
    term = _now_ms(server) + 3_600_000
    client.set(LEASE, json.dumps({"owner": "jellyfin-1", "term": term, "acquired_at_ms": 1}), px=60_000)
    assert seed(server.endpoint).term == term
    assert client.get(FENCE) == str(term)


def test_a_role_that_was_never_seeded_cannot_be_won(redis_server: RedisFactory) -> None:
    server = redis_server()
    assert _refused(RedisStore(server.client()), "jellyfin-0") == RoleRefused("", 0, 0)
    assert server.client().keys() == []
    assert status(server.endpoint).term is None


def test_terms_grow_over_release_expiry_and_restarts_of_the_script_cache(redis_server: RedisFactory) -> None:
    server = redis_server()
    seeded = seed(server.endpoint, pause_ms=0).term
    client = server.client()
    store = RedisStore(client)
    first, second, third = seeded + 1, seeded + 2, seeded + 3
    short = 60

    assert _won(store, "a") == first
    assert _refused(store, "b").owner == "a"
    assert _refused(store, "a").term == first
    assert not store.do(_lease("b").release(first))
    assert store.do(_lease("a").release(first))
    client.script_flush()
    assert _won(store, "b", short) == second
    wait_until(lambda: client.pttl(LEASE) == -2, seconds=5, what="the end of the lease")
    assert store.do(_lease("b").renew(second)) is None
    assert _won(store, "a") == third
    # The same owner with the term it had before is as stale as anybody.
    assert store.do(_lease("a").renew(first)) is None

    def write(term: int, value: str) -> bool:
        return store.do(
            Call(
                scripts.FENCED_SET,
                (FENCE, "scratch"),
                (term, value, 1000),
                lambda reply, _: reply == 1,
                lambda _: False,
            )
        )

    assert not write(second, "stale")
    assert write(third, "fresh")


def test_a_store_of_another_version_is_refused(redis_server: RedisFactory) -> None:
    server = redis_server()
    server.client().set("jellyfin-ha:schema", "2")
    with pytest.raises(UserError, match="another version of it uses this Redis"):
        seed(server.endpoint)
    assert server.client().keys() == ["jellyfin-ha:schema"]


def test_a_lease_that_is_no_lease_is_told(redis_server: RedisFactory) -> None:
    server = redis_server()
    server.client().set(LEASE, "garbage", px=60_000)
    with pytest.raises(UserError, match="cannot be read"):
        status(server.endpoint)


def test_a_role_with_an_odd_name_is_bad_use() -> None:
    with pytest.raises(UserError) as refusal:
        seed(Endpoint("redis://127.0.0.1"), role="a b")
    assert refusal.value.exit_code == 2
