"""Whatever is asked of a role's lease in whatever order, the answers are those of a few lines of Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from jellyfin_ha.operations.leases import RoleHeld, RoleLease, RoleRefused
from jellyfin_ha.operations.leases.keys import fence_key, lease_key, pause_key
from jellyfin_ha.operations.leases.status import LeaseStatus, role_state
from tests.integration.lease_drivers import Driver, await_time_past, driver, make_counter
from tests.integration.processes import RedisServer, running_redis

pytestmark = pytest.mark.integration

ROLE = "leader"
# Neither ends by itself during a test: the model ends both, in Redis.
LEASE_MS = PAUSE_MS = 60_000
OWNERS = st.sampled_from(["a", "b", "c"])
# How many terms ago.
AGO = st.integers(0, 2)


class RoleMachine(RuleBasedStateMachine):
    """A role, three who want it, and a Redis that may lose its data."""

    def __init__(self, store: Driver, client: redis.Redis) -> None:
        super().__init__()
        self.store = store
        self.client = client
        self.seeded = self.paused = False
        self.holder: tuple[str, int] | None = None
        # Every term that was given, and every start of the counter.
        self.terms = [0]
        client.flushall()

    @property
    def newest(self) -> int:
        """What the counter says."""
        return self.terms[-1] if self.seeded else 0

    def term(self, ago: int) -> int:
        """One that was given, or was never."""
        return self.terms[max(len(self.terms) - 1 - ago, 0)]

    def lease(self, owner: str) -> RoleLease:
        """What an owner asks with."""
        return RoleLease(ROLE, owner, LEASE_MS)

    @rule(pause=st.booleans())
    def seed(self, pause: bool) -> None:
        made, value = make_counter(self.client, ROLE, pause_ms=PAUSE_MS if pause else 0)
        assert made is not self.seeded
        if made:
            assert value > self.terms[-1], "terms grow also over a loss of data"
            self.seeded, self.paused = True, self.paused or pause
            self.terms.append(value)
        assert value == self.newest

    @precondition(lambda self: self.seeded)
    @rule()
    def lose_all_data(self) -> None:
        self.client.flushall()
        await_time_past(self.client, self.terms[-1])
        self.seeded = self.paused = False
        self.holder = None

    @precondition(lambda self: self.paused)
    @rule()
    def end_the_pause(self) -> None:
        self.client.delete(pause_key(ROLE))
        self.paused = False

    @precondition(lambda self: self.holder)
    @rule()
    def end_the_lease(self) -> None:
        self.client.delete(lease_key(ROLE))
        self.holder = None

    @rule(owner=OWNERS, again=st.booleans())
    def acquire(self, owner: str, again: bool) -> None:
        call = self.lease(owner).acquire()
        answer = self.store.do(call)
        if self.seeded and self.holder is None and not self.paused:
            self.won(owner, answer)
        else:
            self.refused(answer)
        if again:
            self.same(self.store.do(call), answer)

    @rule(owner=OWNERS, ago=AGO, again=st.booleans())
    def depose(self, owner: str, ago: int, again: bool) -> None:
        term = self.term(ago)
        call = self.lease(owner).depose(term)
        answer = self.store.do(call)
        if self.seeded and not self.paused and term == self.newest:
            self.won(owner, answer)
        else:
            self.refused(answer)
        if again:
            self.same(self.store.do(call), answer)

    @rule(owner=OWNERS, ago=AGO)
    def renew(self, owner: str, ago: int) -> None:
        held = self.store.do(self.lease(owner).renew(self.term(ago)))
        assert (held is not None) is (self.holder == (owner, self.term(ago)))

    @rule(owner=OWNERS, ago=AGO)
    def release(self, owner: str, ago: int) -> None:
        released = self.store.do(self.lease(owner).release(self.term(ago)))
        assert released is (self.holder == (owner, self.term(ago)))
        if released:
            self.holder = None

    def won(self, owner: str, answer: RoleHeld | RoleRefused) -> None:
        assert isinstance(answer, RoleHeld)
        assert answer.term > self.terms[-1]
        self.terms.append(answer.term)
        self.holder = (owner, answer.term)

    def refused(self, answer: RoleHeld | RoleRefused) -> None:
        owner, _ = self.holder or ("", 0)
        assert isinstance(answer, RoleRefused)
        assert (answer.owner, answer.term) == (owner, self.newest)
        assert (answer.left_ms > 0) is (self.holder is not None or self.paused)

    def same(self, answer: RoleHeld | RoleRefused, before: RoleHeld | RoleRefused) -> None:
        if isinstance(before, RoleHeld):
            assert isinstance(answer, RoleHeld)
            assert answer.term == before.term
        else:
            self.refused(answer)

    @invariant()
    def what_is_read_is_so(self) -> None:
        found = self.store.do(role_state(ROLE))
        owner, term = self.holder or (None, self.newest if self.seeded else None)
        assert found == LeaseStatus(ROLE, owner, term, found.left_ms)
        assert (found.left_ms is not None) is (self.holder is not None)
        assert self.client.ttl(fence_key(ROLE)) == (-1 if self.seeded else -2)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis whose content is the machines'."""
    with running_redis(settings={"appendfsync": "no"}) as server:
        yield server


@pytest.mark.parametrize("in_asyncio", [False, True], ids=["threads", "asyncio"])
def test_a_role_behaves_as_its_model_says(server: RedisServer, in_asyncio: bool) -> None:
    client = server.client()
    with driver(server, in_asyncio=in_asyncio) as store:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            lambda: RoleMachine(store, client),
            settings=settings(max_examples=80, stateful_step_count=40, deadline=None),
        )
