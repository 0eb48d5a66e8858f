"""Records whose owner holds a lease: the operations on transcode sessions and live streams.

Each operation is a `Call`, which `Store` and `AsyncStore` run in one round trip. What a C# server writes knows neither
tokens nor holds, so it cannot be fenced; a record that one has overwritten under another owner is lost to whoever held
it here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import Generic, cast

from .calls import Call, Reply, Steps, ends_at, new_call_name, scanned
from .outcomes import Corrupt, Found, Given, Held, Listing, Reason, Refused, Timing
from .record_scripts import RecordScripts
from .records import NAME, Record, RecordError


class Holding(ABC, Generic[Record]):
    """What both kinds have in common."""

    scripts: RecordScripts
    """What Redis runs."""
    prefix: str
    """Of its keys."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()
        self._durations = (self.timing.lease_ms, self.timing.retention_ms)

    def create(self, record: Record) -> Call[Given[Record] | Refused]:
        """Make a record where there is none, and win its lease. Refused: TAKEN, EXPIRED (take it over), CORRUPT,
        UNSEEDED, PAUSED."""

        def alone(_: float) -> Given[Record] | Refused:
            return Given(0, inf, record.text(), self._read)

        return self._win(self.scripts.create, record, record.text(), alone)

    def take_over(self, record: Record, owner: str) -> Call[Given[Record] | Refused]:
        """Win the lease of a record whose lease has ended. Exactly one of several who try gets it.

        Args:
            record: which one; its ids alone matter, but all of them.
            owner: who shall have it.

        Returns:
            The lease with the record. Refused: ABSENT, TAKEN, CORRUPT, UNSEEDED, PAUSED.
        """
        NAME.validate_python(owner)
        return self._win(self.scripts.take_over, record, owner, lambda _: Refused(Reason.ABSENT))

    def set(self, record: Record, token: int) -> Call[Held | Refused]:
        """Write a record anew and hold its lease for longer, as its holder. Refused: ABSENT, LOST, EXPIRED, CORRUPT."""
        return self._hold_on(self.scripts.set, record, token, *self._durations, record.owner, token, record.text())

    def renew(self, record: Record, token: int) -> Call[Held | Refused]:
        """Hold a lease for longer, as its holder. Refused: ABSENT, LOST, EXPIRED, CORRUPT."""
        return self._hold_on(self.scripts.renew, record, token, *self._durations, record.owner, token)

    def delete(self, record: Record, token: int) -> Call[Held | Refused]:
        """Remove a record, as its holder; the lease is over then. Refused: ABSENT, LOST, CORRUPT."""
        return self._hold_on(self.scripts.delete, record, token, record.owner, token)

    def drop(self, found: Found[Record]) -> Call[bool]:
        """Remove a record, whoever holds it, unless it has changed since it was found: for people, not for servers.

        Returns:
            Whether it was removed.
        """
        return self._drop(self._record_keys(found.record), found.text)

    def drop_corrupt(self, corrupt: Corrupt) -> Call[bool]:
        """Remove what is no record, unless it has changed since it was found."""
        return self._drop((corrupt.key,), corrupt.text)

    def list(self) -> Steps[Listing[Record]]:
        """All records, whether their lease lasts or not. Keys that come and go meanwhile may be missed."""
        found: dict[tuple[str, ...], Found[Record]] = {}
        corrupt: list[Corrupt] = []
        for key in (yield from scanned(self.prefix)):
            one = cast(Found[Record] | Corrupt | None, (yield self._at(key)))
            if isinstance(one, Corrupt):
                corrupt.append(one)
            elif one is not None:
                # Two names of one record may hold two texts: the one that is held longer counts.
                keys = self._record_keys(one.record)
                if keys not in found or found[keys].left_ms < one.left_ms:
                    found[keys] = one
        corrupt.sort(key=lambda one: one.key)
        return Listing(tuple(found[keys] for keys in sorted(found)), tuple(corrupt))

    @abstractmethod
    def _record_keys(self, record: Record) -> tuple[str, ...]:
        """Under which keys it lies."""

    @abstractmethod
    def _read(self, text: str) -> Record:
        """What a text of Redis says."""

    def _at(self, key: str) -> Call[Found[Record] | Corrupt | None]:
        """What lies at a key."""

        def read(reply: Reply, _: float) -> Found[Record] | Corrupt | None:
            match reply:
                case [str() as text, int() as left, int() as token]:
                    try:
                        return Found(self._read(text), max(left, 0), token or None, text, max(-left, 0))
                    except RecordError as error:
                        return Corrupt(key, str(error), text)
                case [str() as text, str() as wrong]:
                    return Corrupt(key, wrong, text)
                case _:
                    return None

        return Call(self.scripts.read, (key,), (), read, lambda _: None)

    def _win(
        self, script: str, record: Record, argument: str, alone: Callable[[float], Given[Record] | Refused]
    ) -> Call[Given[Record] | Refused]:
        def read(reply: Reply, asked_at: float) -> Given[Record] | Refused:
            if isinstance(reply, str) and reply.startswith("held\n"):
                _, token, left, text = reply.split("\n", 3)
                return Given(int(token), ends_at(asked_at, int(left)), text, self._read)
            return _refused(reply)

        return Call(script, self._record_keys(record), (*self._durations, new_call_name(), argument), read, alone)

    def _hold_on(self, script: str, record: Record, token: int, *arguments: str | int) -> Call[Held | Refused]:
        def read(reply: Reply, asked_at: float) -> Held | Refused:
            return Held(token, ends_at(asked_at, reply)) if isinstance(reply, int) else _refused(reply)

        return Call(script, self._record_keys(record), arguments, read, lambda _: Held(token, inf))

    def _drop(self, record_keys: tuple[str, ...], text: str) -> Call[bool]:
        return Call(self.scripts.drop, record_keys, (text,), lambda reply, _: reply == 1, lambda _: False)


def _refused(reply: Reply) -> Refused:
    text = str(reply)
    if text.startswith("corrupt\n"):
        return Refused(Reason.CORRUPT, detail=text.removeprefix("corrupt\n"))
    match text.split("\t"):
        case [Reason.TAKEN, left, owner]:
            return Refused(Reason.TAKEN, owner, int(left))
        case [Reason.PAUSED, left]:
            return Refused(Reason.PAUSED, left_ms=int(left))
        case parts:
            return Refused(Reason(parts[0]), owner="".join(parts[1:]))
