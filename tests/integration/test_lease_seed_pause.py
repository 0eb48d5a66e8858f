"""After its counters were made anew a store gives no lease for a pause, which stops nobody from seeding it again."""

from __future__ import annotations

import pytest

from jellyfin_ha.operations.leases import Endpoint, RoleHeld, RoleLease, open_store, seed
from tests.integration.conftest import RedisFactory
from tests.integration.processes import wait_until

pytestmark = pytest.mark.integration

PAUSE_MS = 1_000


def test_seeding_again_while_no_lease_is_given_yet_succeeds(redis_server: RedisFactory) -> None:
    endpoint = Endpoint(redis_server().url)
    first = seed(endpoint)

    second, other = seed(endpoint), seed(endpoint, role="cleaner")

    assert (second.created, second.term) == (False, first.term)
    assert other.created
    with open_store(endpoint, replicas=2) as store:
        assert not store.do(RoleLease("leader", "jellyfin-0", 1_000).acquire())


def test_a_store_that_lost_its_data_gives_leases_again_after_the_pause(redis_server: RedisFactory) -> None:
    server = redis_server()
    endpoint = Endpoint(server.url)
    seed(endpoint, pause_ms=0)
    lease = RoleLease("leader", "jellyfin-0", 1_000)
    with open_store(endpoint, replicas=2) as store:
        held = store.do(lease.acquire())
        assert isinstance(held, RoleHeld)
        server.crash()
        server.forget()
        server.start()

        assert store.do(lease.renew(held.term)) is None
        assert not store.do(lease.acquire())
        seed(endpoint, pause_ms=PAUSE_MS)
        refused_at = store.clock()
        assert not store.do(lease.acquire())
        wait_until(lambda: bool(store.do(lease.acquire())), seconds=5, what="a lease after the pause")
        assert store.clock() - refused_at > PAUSE_MS / 1000 / 2
        again = store.do(RoleLease("leader", "jellyfin-1", 1_000).acquire())

    assert not again
    assert again.owner == "jellyfin-0"
    assert again.term > held.term
