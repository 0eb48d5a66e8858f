"""Terms of office of a leader, and what happens to them."""

from dataclasses import dataclass
from enum import StrEnum

from .calls import Clock


class Ending(StrEnum):
    """Why a term is over."""

    RELEASED = "released"
    """It was handed over."""
    EXPIRED = "expired"
    """Redis could not be reached before the lease was over; who leads now is not known."""
    DEPOSED = "deposed"
    """Redis says that somebody else has the role, or nobody."""


class Term:
    """A term of office; safe to ask from any thread.

    Args:
        role: of the leader.
        owner: the leader.
        number: the fencing token.
        ends_at: when the lease is over unless it is renewed, on `clock`.
        clock: of the store.
    """

    def __init__(self, role: str, owner: str, number: int, ends_at: float, clock: Clock) -> None:
        self.role = role
        self.owner = owner
        self.number = number
        self.ends_at = ends_at
        self.ending: Ending | None = None
        self._clock = clock

    @property
    def lasts(self) -> bool:
        """Whether it may be relied on right now."""
        return self.ending is None and self._clock() < self.ends_at

    def __repr__(self) -> str:
        return f"Term({self.role!r}, {self.owner!r}, {self.number}, {self.ending or 'lasts'})"


@dataclass(frozen=True)
class Elected:
    """This candidate leads from now on."""

    term: Term


@dataclass(frozen=True)
class Ended:
    """This candidate leads no more."""

    term: Term
    ending: Ending


@dataclass(frozen=True)
class Following:
    """Somebody else leads, or nobody can. Told when it changes.

    Args:
        leader: who; empty when nobody does.
        term: the newest.
    """

    leader: str
    term: int


Event = Elected | Ended | Following
