"""One question to the lease store, apart from how it is sent: the same for programs with and without asyncio."""

import hashlib
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar, cast

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# What redis-py makes of a script's result: a whole number, a text, or a list of these.
Reply = int | str | Sequence[int | str]
# Seconds on a clock that no setting of the time moves, and that goes on while the machine sleeps.
Clock = Callable[[], float]
# A clock may run that much faster or slower than Redis's; the bound that Redlock's description gives.
CLOCK_DRIFT = 0.01


def steady() -> float:
    """The default `Clock`: Linux's boot time, elsewhere `time.monotonic`, which stands still in a suspended machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def ends_at(asked_at: float, duration_ms: int) -> float:
    """Until when who asked may rely on a lease, on the clock of `asked_at`.

    Redis counts from a later moment, so that this side always stops first.
    """
    return asked_at + duration_ms / 1000 * (1 - CLOCK_DRIFT)


@dataclass(slots=True)
class Call(Generic[T_co]):
    """A script to run in Redis.

    Args:
        script: its text.
        keys: what it touches.
        arguments: what else it is told.
        read: makes the result of Redis's reply and of the time (a `Clock`'s) at which it was asked.
        alone: the result where there is no Redis, because only one server runs: it gets whatever it asks for.
    """

    script: str
    keys: tuple[str, ...]
    arguments: tuple[str | int, ...]
    read: Callable[[Reply, float], T_co] = field(repr=False)
    alone: Callable[[float], T_co] = field(repr=False)

    @property
    def sha(self) -> str:
        """What EVALSHA names the script by."""
        return sha_of(self.script)


@dataclass(frozen=True)
class Scan:
    """Some of the keys that begin with `prefix`.

    Args:
        prefix: of the keys.
        cursor: what the answer before gave, 0 at first; the answer is a pair of the next cursor (0 at the end), keys.
    """

    prefix: str
    cursor: int

    @property
    def pattern(self) -> str:
        """The prefix as SCAN's MATCH wants it."""
        return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in self.prefix) + "*"


# Several questions, one after the other; each is answered by what its `read` makes of the reply, or a scan's pair.
Steps = Generator[Call[object] | Scan, object, T]


def scanned(prefix: str) -> Steps[list[str]]:
    """All keys that begin with `prefix`, each once."""
    found: dict[str, None] = {}
    cursor = 0
    while True:
        cursor, keys = cast(tuple[int, Sequence[str]], (yield Scan(prefix, cursor)))
        found |= dict.fromkeys(keys)
        if not cursor:
            return list(found)


@lru_cache(maxsize=64)
def sha_of(script: str) -> str:
    """The name under which Redis keeps a script."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def new_call_name() -> str:
    """A name for one call, which makes asking it again harmless when its answer was lost."""
    return secrets.token_hex(8)
