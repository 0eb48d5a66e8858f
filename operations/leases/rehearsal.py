"""A take-over, played through on keys of its own before anybody relies on it."""

import secrets
import time

from ..errors import UserError
from .keys import fence_key, lease_key
from .scripts import ACQUIRE, FENCED_SET, RELEASE, RENEW
from .store import LeaseStore

# Long enough that nothing but a broken server gives the lease away meanwhile.
HELD_MS = 30_000
SHORT_MS = 150
PATIENCE_SECONDS = 5.0
POLL_SECONDS = 0.02
# Whatever happens to this process, Redis itself clears the scratch keys away.
SCRATCH_MS = 60_000
FIRST, SECOND = "first", "second"


def rehearse_take_over(store: LeaseStore) -> str:
    """Win a lease, let it expire, take it over, and see that its old owner can do nothing any more.

    Returns:
        what was seen, in words.

    Raises:
        UserError: exit code 1; Redis did not do what leases rely on.
    """
    role = f"rehearsal-{secrets.token_hex(8)}"
    fence, lease = fence_key(role), lease_key(role)
    value = f"{fence}:value"
    store.set_if_absent(fence, "0", lifetime_ms=SCRATCH_MS)
    try:
        won, old_term, _ = store.run(ACQUIRE, [fence, lease], [FIRST, HELD_MS])
        _require(won == 1, "a free lease could not be won")
        won, _, holder = store.run(ACQUIRE, [fence, lease], [SECOND, HELD_MS])
        _require(won == 0 and holder == FIRST, "a lease that is held was given to somebody else")
        held = store.run(RENEW, [lease], [FIRST, old_term, SHORT_MS])
        _require(held == [1], "the holder could not renew its lease")
        term = _take_over(store, fence, lease)
        _require(int(term) > int(old_term), f"term {term} was given after term {old_term}")
        renewed = store.run(RENEW, [lease], [FIRST, old_term, HELD_MS])
        _require(renewed == [0], "a lease that was lost could be renewed")
        written = store.run(FENCED_SET, [fence, value], [term, SECOND, SCRATCH_MS])
        _require(written == [1], "the new holder could not write")
        written = store.run(FENCED_SET, [fence, value], [old_term, FIRST, SCRATCH_MS])
        _require(written == [0], "the old holder could still write")
        released = store.run(RELEASE, [lease], [SECOND, term])
        _require(released == [1], "the holder could not release its lease")
        return f"term {term} took over from term {old_term}, whose owner could no longer write"
    finally:
        store.delete(fence, lease, value)


def _take_over(store: LeaseStore, fence: str, lease: str) -> str | int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        won, term, _ = store.run(ACQUIRE, [fence, lease], [SECOND, HELD_MS])
        if won == 1:
            return term
        _require(
            time.monotonic() < deadline,
            f"a lease of {SHORT_MS} ms was still held after {PATIENCE_SECONDS:g} s",
        )
        time.sleep(POLL_SECONDS)


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise UserError(
            f"Redis is not fit to hold leases: in a rehearsal {otherwise}. Expected a single Redis (7 or later) "
            "without a proxy or replica that answers in its place."
        )
