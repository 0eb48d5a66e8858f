"""What becomes of a call on a record: a lease that is held, a refusal, what was found; and how long leases last."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic

from ..errors import UserError
from .records import Record

# As the forks have it.
LEASE_MS = 30_000
RENEW_MS = 10_000
RETENTION_MS = 300_000
# Nobody is given a lease for as long after a counter was lost.
LONGEST_LEASE_MS = 60_000
LEAST_LEASE_MS = 50


def require_lease(lease_ms: int) -> None:
    """See that a lease is no longer than the pause after a loss of data, and long enough to be renewed.

    Raises:
        UserError: exit code 2; it is not.
    """
    if not LEAST_LEASE_MS <= lease_ms <= LONGEST_LEASE_MS:
        raise UserError(
            f"expected a lease of {LEAST_LEASE_MS} to {LONGEST_LEASE_MS} ms, found {lease_ms} ms", exit_code=2
        )


class Reason(StrEnum):
    """Why a lease was not given or not held on."""

    ABSENT = "absent"
    """There is no such record (any more)."""
    CORRUPT = "corrupt"
    """What is there is no record; `Refused.detail` says why."""
    TAKEN = "taken"
    """`Refused.owner` holds it, for `Refused.left_ms` more."""
    EXPIRED = "expired"
    """Its lease has ended, and nobody has taken it over yet: take it over."""
    LOST = "lost"
    """It is `Refused.owner`'s by now, or this owner's own with another token."""
    UNSEEDED = "unseeded"
    """The store has no counter of tokens: it is new, or has lost its data. `jellyfin-ha leases seed` prepares it."""
    PAUSED = "paused"
    """The store was prepared a moment ago and gives no lease for `Refused.left_ms` more."""


@dataclass(frozen=True)
class Timing:
    """How long things last, in ms.

    Args:
        lease_ms: of a lease.
        renew_ms: between renewals; at most half of a lease, so that one may fail.
        retention_ms: how long a record outlives its last write, so that it can be taken over.

    Raises:
        UserError: exit code 2; they do not fit each other.
    """

    lease_ms: int = LEASE_MS
    renew_ms: int = RENEW_MS
    retention_ms: int = RETENTION_MS

    def __post_init__(self) -> None:
        require_lease(self.lease_ms)
        if not 0 < self.renew_ms <= self.lease_ms / 2:
            raise UserError(
                f"expected renewals at most half a lease ({self.lease_ms} ms) apart, found {self.renew_ms} ms",
                exit_code=2,
            )
        if self.retention_ms < 2 * self.lease_ms:
            raise UserError(
                f"expected a retention of at least two leases ({2 * self.lease_ms} ms), found {self.retention_ms} ms",
                exit_code=2,
            )


@dataclass(frozen=True)
class Held:
    """A lease that is held.

    Args:
        token: for fencing: whoever gets the lease later has a greater one.
        ends_at: until when the holder may rely on it, in seconds on the store's clock; it counts from before the
            question, and is over before Redis gives the lease to anybody else.
    """

    token: int
    ends_at: float


@dataclass(frozen=True)
class Given(Held, Generic[Record]):
    """A lease that was given with this call.

    Args:
        text: the record, as JSON.
    """

    text: str
    _read: Callable[[str], Record] = field(repr=False, compare=False)

    @property
    def record(self) -> Record:
        """The record, as the last holder left it but for the owner."""
        return self._read(self.text)


@dataclass(frozen=True)
class Refused:
    """A lease that was not given or is not held any more; false where a truth is asked for.

    Args:
        reason: why.
        owner: who has it; empty when nobody does.
        left_ms: how long that lasts.
        detail: more, in words.
    """

    reason: Reason
    owner: str = ""
    left_ms: int = 0
    detail: str = ""

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Found(Generic[Record]):
    """A record as it lies in Redis.

    Args:
        record: what it says.
        left_ms: how long its lease still lasts by Redis's clock; 0 when it has ended.
        token: its holder's; None when a C# server made it.
        text: the JSON.
        expired_ms: for how long its lease has been over; 0 while it lasts.
    """

    record: Record
    left_ms: int
    token: int | None
    text: str
    expired_ms: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Corrupt:
    """A key that holds no record.

    Args:
        key: where.
        wrong: why.
        text: what is there.
    """

    key: str
    wrong: str
    text: str


@dataclass(frozen=True)
class Listing(Generic[Record]):
    """All records of a kind.

    Args:
        found: by id.
        corrupt: what is none; it stops nobody from seeing the others.
    """

    found: tuple[Found[Record], ...]
    corrupt: tuple[Corrupt, ...]
