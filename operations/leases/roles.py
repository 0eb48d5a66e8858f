"""The lease of a role, such as the leader's: one holder at a time, and a term that grows with each."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import cast

from . import scripts
from .calls import Call, Reply, ends_at, new_call_name
from .keys import fence_key, lease_key, pause_key, require_role
from .outcomes import require_lease
from .records import NAME


@dataclass(frozen=True)
class RoleHeld:
    """A role's lease that is held.

    Args:
        term: for fencing: whoever gets the role later has a greater one.
        ends_at: until when the holder may rely on it, in seconds on the store's clock.
    """

    term: int
    ends_at: float


@dataclass(frozen=True)
class RoleRefused:
    """A role's lease that was not given.

    Args:
        owner: who holds it; empty when nobody does.
        term: the newest that was given; 0 when the role was never seeded, and nobody can have it.
        left_ms: how long nobody else can win it.
    """

    owner: str
    term: int
    left_ms: int

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class RoleLease:
    """Calls for one role and one who wants it.

    Args:
        role: its name.
        owner: who; unique among all that may hold it at the same time.
        lease_ms: how long a lease lasts unless it is renewed.

    Raises:
        UserError: exit code 2; the lease is too short or too long, or the role has an odd name.
    """

    role: str
    owner: str
    lease_ms: int

    def __post_init__(self) -> None:
        require_role(self.role)
        NAME.validate_python(self.owner)
        require_lease(self.lease_ms)

    def acquire(self) -> Call[RoleHeld | RoleRefused]:
        """Win the lease if nobody holds it."""
        return self._win(scripts.ACQUIRE)

    def depose(self, term: int) -> Call[RoleHeld | RoleRefused]:
        """Win the lease from a holder that is known to be gone, however long its lease would last.

        Only for who has evidence of its own: the one who held it is not asked, and learns of it when it renews. Of
        several who try, exactly one wins.

        Args:
            term: the one that shall end; the newest, or nothing happens.
        """
        return self._win(scripts.DEPOSE, term)

    def renew(self, term: int) -> Call[float | None]:
        """Hold the lease for longer. The result is when it ends on the store's clock; None when it is lost."""

        def read(reply: Reply, asked_at: float) -> float | None:
            return ends_at(asked_at, self.lease_ms) if reply == 1 else None

        keys = (lease_key(self.role),)
        return Call(scripts.RENEW, keys, (self.owner, term, self.lease_ms), read, lambda _: inf)

    def release(self, term: int) -> Call[bool]:
        """Give the lease back. The result is whether it was held until then."""
        keys = (lease_key(self.role),)
        return Call(scripts.RELEASE, keys, (self.owner, term), lambda reply, _: reply == 1, lambda _: True)

    def _win(self, script: str, *further: int) -> Call[RoleHeld | RoleRefused]:
        def read(reply: Reply, asked_at: float) -> RoleHeld | RoleRefused:
            won, term, owner, left = cast(Sequence[int | str], reply)
            if won:
                return RoleHeld(int(term), ends_at(asked_at, min(self.lease_ms, int(left))))
            return RoleRefused(str(owner), int(term), max(int(left), 0))

        keys = (fence_key(self.role), lease_key(self.role), pause_key(self.role))
        arguments = (self.owner, self.lease_ms, new_call_name(), *further)
        return Call(script, keys, arguments, read, lambda _: RoleHeld(1, inf))
