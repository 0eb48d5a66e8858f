"""Who leads, read without changing anything."""

import json
from dataclasses import dataclass

import redis

from ..errors import UserError
from .keys import fence_key, lease_key
from .store import connect, place


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


def status(redis_url: str, *, role: str = "leader") -> LeaseStatus:
    """Read who holds a role.

    Args:
        redis_url: `redis://:password@host:port/0`, also `rediss://`.
        role: which role.

    Raises:
        UserError: exit code 2 when the URL or the role is malformed; 1 when Redis cannot be read.
    """
    fence, lease = fence_key(role), lease_key(role)
    with connect(redis_url) as store:
        try:
            held, left, term = store.get(lease), store.left_ms(lease), store.get(fence)
            if held is None or left <= 0:
                return LeaseStatus(role, None, None if term is None else int(term), None)
            record = json.loads(held)
            return LeaseStatus(role, str(record["owner"]), int(record["term"]), left)
        except (redis.ResponseError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"the lease of {role} in Redis at {place(redis_url)} cannot be read: {error!r}. "
                f"Expected JSON with owner, term and acquired_at_ms at {lease}."
            ) from error
