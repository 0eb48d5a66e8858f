"""A take-over, played through on keys of its own before anybody relies on it."""

import secrets
import time
from dataclasses import replace

import redis

from ..errors import UserError
from .calls import Call
from .keys import fence_key, lease_key
from .roles import RoleHeld, RoleLease, RoleRefused
from .scripts import FENCED_SET
from .store import RedisStore

# Long enough that nothing but a broken server gives the lease away meanwhile.
HELD_MS = 30_000
SHORT_MS = 150
PATIENCE_SECONDS = 5.0
POLL_SECONDS = 0.02
# Whatever happens to this process, Redis itself clears the scratch keys away.
SCRATCH_MS = 60_000
SCRATCH_ROLE = "rehearsal-"


def rehearse_take_over(client: redis.Redis) -> str:
    """Win a lease, let it expire, take it over, and see that its old owner can do nothing any more.

    Returns:
        what was seen, in words.

    Raises:
        UserError: exit code 1; Redis did not do what leases rely on.
    """
    role = f"{SCRATCH_ROLE}{secrets.token_hex(8)}"
    fence, lease = fence_key(role), lease_key(role)
    store = RedisStore(client)
    first, short = RoleLease(role, "first", HELD_MS), RoleLease(role, "first", SHORT_MS)
    second = RoleLease(role, "second", HELD_MS)
    client.set(fence, 1, nx=True, px=SCRATCH_MS)
    try:
        won = store.do(_acquire(first))
        if not isinstance(won, RoleHeld):
            raise _unfit("a free lease could not be won")
        refused = store.do(_acquire(second))
        _require(isinstance(refused, RoleRefused) and refused.owner == "first", "a lease that is held was given away")
        _require(store.do(short.renew(won.term)) is not None, "the holder could not renew its lease")
        taken = _take_over(store, second)
        _require(taken.term > won.term, f"term {taken.term} was given after term {won.term}")
        _require(store.do(first.renew(won.term)) is None, "a lease that was lost could be renewed")
        _require(store.do(_write(role, taken.term)), "the new holder could not write")
        _require(not store.do(_write(role, won.term)), "the old holder could still write")
        _require(store.do(second.release(taken.term)), "the holder could not release its lease")
        return f"term {taken.term} took over from term {won.term}, whose owner could no longer write"
    finally:
        client.delete(fence, lease, f"{fence}:value")


def _acquire(lease: RoleLease) -> Call[RoleHeld | RoleRefused]:
    """Whether or not real leases are held back because the store was seeded a moment ago."""
    fence = fence_key(lease.role)
    return replace(lease.acquire(), keys=(fence, lease_key(lease.role), f"{fence}:pause"))


def _write(role: str, term: int) -> Call[bool]:
    keys = (fence_key(role), f"{fence_key(role)}:value")
    return Call(FENCED_SET, keys, (term, "scratch", SCRATCH_MS), lambda reply, _: reply == 1, lambda _: True)


def _take_over(store: RedisStore, second: RoleLease) -> RoleHeld:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        won = store.do(_acquire(second))
        if isinstance(won, RoleHeld):
            return won
        _require(
            time.monotonic() < deadline,
            f"a lease of {SHORT_MS} ms was still held after {PATIENCE_SECONDS:g} s",
        )
        time.sleep(POLL_SECONDS)


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise _unfit(otherwise)


def _unfit(found: str) -> UserError:
    return UserError(
        f"Redis is not fit to hold leases: in a rehearsal {found}. Expected a single Redis (7 or later) "
        "without a proxy or replica that answers in its place."
    )
