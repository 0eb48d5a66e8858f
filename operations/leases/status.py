"""Who leads, read without changing anything."""

import json
from dataclasses import dataclass
from typing import cast

from ..errors import UserError
from .calls import Call, Reply
from .connection import Endpoint, explained
from .keys import fence_key, lease_key
from .outcomes import Corrupt
from .store import RedisStore

# A role. KEYS: 1 counter, 2 lease. ARGV: none.
# Result: {the counter or nil; the lease or nil; how long it still lasts in ms, -1 when it has no end}.
ROLE_STATE = """
return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('PTTL', KEYS[2])}
"""


@dataclass(frozen=True)
class LeaseStatus:
    """The state of a role's lease.

    Args:
        role: whose.
        holder: who holds it; None when nobody does.
        term: the holder's, or the last one given when nobody holds it; None when the role was never seeded.
        left_ms: how long the lease still lasts unless it is renewed, in ms; None when nobody holds it.
    """

    role: str
    holder: str | None
    term: int | None
    left_ms: int | None


def status(endpoint: Endpoint, *, role: str = "leader") -> LeaseStatus:
    """Read who holds a role.

    Args:
        endpoint: of Redis.
        role: which role.

    Raises:
        UserError: exit code 2 when the role is malformed; 1 when Redis cannot be read.
    """
    call = role_state(role)
    client = endpoint.client()
    try:
        with explained(endpoint):
            found = RedisStore(client).do(call)
    finally:
        client.close()
    if isinstance(found, Corrupt):
        raise UserError(
            f"the lease of {role} in Redis at {endpoint.place} cannot be read: {found.wrong}. Expected JSON with "
            f"owner, term and acquired_at_ms at {found.key}."
        )
    return found


def role_state(role: str) -> Call[LeaseStatus | Corrupt]:
    """Who leads a role; corrupt: what lies there is no lease.

    Raises:
        UserError: exit code 2; the role has an odd name.
    """

    def read(reply: Reply, _: float) -> LeaseStatus | Corrupt:
        counter, text, left = cast(tuple[str | None, str | None, int], reply)
        if text is None:
            return LeaseStatus(role, None, int(counter) if counter is not None and counter.isdigit() else None, None)
        try:
            lease = json.loads(text)
            found = LeaseStatus(role, str(lease["owner"]), int(lease["term"]), left)
        except (ValueError, KeyError, TypeError) as error:
            return Corrupt(lease_key(role), f"no lease with owner and term ({error!r})", text)
        return found if left >= 0 else Corrupt(lease_key(role), "a lease that has no end", text)

    return Call(ROLE_STATE, (fence_key(role), lease_key(role)), (), read, lambda _: LeaseStatus(role, None, None, None))
