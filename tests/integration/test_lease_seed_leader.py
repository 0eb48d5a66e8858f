"""Seeding prepares the leader's lease, once, and never disturbs one that is held."""

from __future__ import annotations

import hashlib
import json

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import seed, status
from jellyfin_ha.operations.leases.keys import fence_key, lease_key
from jellyfin_ha.operations.leases.scripts import ACQUIRE, ALL, FENCED_SET, RELEASE, RENEW
from jellyfin_ha.operations.leases.store import connect
from tests.integration.conftest import RedisFactory
from tests.integration.processes import wait_until

pytestmark = pytest.mark.integration

FENCE, LEASE = fence_key("leader"), lease_key("leader")


def test_the_keys_are_those_that_other_programs_rely_on() -> None:
    assert (FENCE, LEASE) == ("jellyfin-ha:fence:leader", "jellyfin-ha:lease:leader")


def test_a_new_store_gets_a_counter_and_no_leader(redis_server: RedisFactory) -> None:
    server = redis_server()

    report = seed(server.url)

    assert (report.created, report.term) == (True, 0)
    client = server.client()
    assert {key: client.get(key) for key in client.scan_iter()} == {FENCE: "0", "jellyfin-ha:schema": "1"}
    assert client.ttl(FENCE) == -1
    assert client.script_exists(*(_sha(script) for script in ALL.values())) == [True] * len(ALL)
    assert status(server.url).holder is None
    assert status(server.url).term == 0


def test_a_second_seeding_changes_nothing(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.url)
    server.client().set(FENCE, "41")

    report = seed(server.url)

    assert (report.created, report.term) == (False, 41)
    assert server.client().get(FENCE) == "41"


def test_a_lease_that_is_held_is_left_alone(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.url)
    with connect(server.url) as store:
        assert store.run(ACQUIRE, [FENCE, LEASE], ["jellyfin-0", 60_000]) == [1, 1, "jellyfin-0"]
    client = server.client()
    before = client.get(LEASE), client.get(FENCE)

    seed(server.url)

    assert (client.get(LEASE), client.get(FENCE)) == before
    assert 50_000 < client.pttl(LEASE) <= 60_000
    found = status(server.url)
    assert (found.holder, found.term) == ("jellyfin-0", 1)
    assert found.left_ms is not None
    assert 50_000 < found.left_ms <= 60_000
    assert set(json.loads(str(before[0]))) == {"owner", "term", "acquired_at_ms"}


def test_a_counter_that_was_lost_continues_past_the_term_of_the_holder(redis_server: RedisFactory) -> None:
    server = redis_server()
    client = server.client()
    client.set(LEASE, json.dumps({"owner": "jellyfin-1", "term": 7, "acquired_at_ms": 1}), px=60_000)
    assert seed(server.url).term == 7
    assert client.get(FENCE) == "7"


def test_a_role_that_was_never_seeded_cannot_be_won(redis_server: RedisFactory) -> None:
    server = redis_server()
    with connect(server.url) as store:
        assert store.run(ACQUIRE, [FENCE, LEASE], ["jellyfin-0", 60_000]) == [0, 0, ""]
    assert server.client().keys() == []
    assert status(server.url).term is None


def test_terms_grow_over_release_expiry_and_restarts_of_the_script_cache(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(server.url)
    with connect(server.url) as store:
        assert store.run(ACQUIRE, [FENCE, LEASE], ["a", 60_000]) == [1, 1, "a"]
        assert store.run(ACQUIRE, [FENCE, LEASE], ["b", 60_000]) == [0, 1, "a"]
        assert store.run(ACQUIRE, [FENCE, LEASE], ["a", 60_000]) == [0, 1, "a"]
        assert store.run(RELEASE, [LEASE], ["b", 1]) == [0]
        assert store.run(RELEASE, [LEASE], ["a", 1]) == [1]
        server.client().script_flush()
        assert store.run(ACQUIRE, [FENCE, LEASE], ["b", 30]) == [1, 2, "b"]
        wait_until(lambda: store.left_ms(LEASE) == -2, seconds=5, what="the end of the lease")
        assert store.run(RENEW, [LEASE], ["b", 2, 60_000]) == [0]
        assert store.run(ACQUIRE, [FENCE, LEASE], ["a", 60_000]) == [1, 3, "a"]
        # The same owner with the term it had before is as stale as anybody.
        assert store.run(RENEW, [LEASE], ["a", 1, 60_000]) == [0]
        assert store.run(FENCED_SET, [FENCE, "scratch"], [2, "stale", 1000]) == [0]
        assert store.run(FENCED_SET, [FENCE, "scratch"], [3, "fresh", 1000]) == [1]


def test_a_store_of_another_version_is_refused(redis_server: RedisFactory) -> None:
    server = redis_server()
    server.client().set("jellyfin-ha:schema", "2")
    with pytest.raises(UserError, match="another version of it uses this Redis"):
        seed(server.url)
    assert server.client().keys() == ["jellyfin-ha:schema"]


def test_a_lease_that_is_no_lease_is_told(redis_server: RedisFactory) -> None:
    server = redis_server()
    server.client().set(LEASE, "garbage", px=60_000)
    with pytest.raises(UserError, match="cannot be read"):
        status(server.url)


def test_a_role_with_an_odd_name_is_bad_use() -> None:
    with pytest.raises(UserError) as refusal:
        seed("redis://127.0.0.1", role="a b")
    assert refusal.value.exit_code == 2


def _sha(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
