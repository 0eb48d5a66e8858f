"""Who leads, read without changing anything."""

import json
from dataclasses import dataclass

import redis

from ..errors import UserError
from .connection import Endpoint, explained
from .keys import fence_key, lease_key


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
    lease_key(role)
    client = endpoint.client()
    try:
        with explained(endpoint):
            return read_status(client, role)
    finally:
        client.close()


def read_status(client: redis.Redis, role: str) -> LeaseStatus:
    """Read who holds a role.

    Raises:
        UserError: exit code 1; what is there is no lease.
    """
    fence, lease = fence_key(role), lease_key(role)
    with client.pipeline(transaction=True) as asked:
        asked.get(lease)
        asked.pttl(lease)
        asked.get(fence)
        held, left, term = asked.execute()
    if held is None or not left:
        return LeaseStatus(role, None, None if term is None else int(term), None)
    try:
        record = json.loads(held)
        return LeaseStatus(role, str(record["owner"]), int(record["term"]), int(left))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"the lease of {role} cannot be read: {error!r}. Expected JSON with owner, term and acquired_at_ms at "
            f"{lease}."
        ) from error
