"""Records whose owner holds a lease: the operations on transcode sessions and live streams.

Each operation is a `Call`, which `Store` and `AsyncStore` run in one round trip. What a C# server writes knows neither
tokens nor holds, so it cannot be fenced; a record that one has overwritten under another owner is lost to whoever held
it here.
"""

from collections.abc import Sequence
from math import inf
from typing import Generic, cast

from pydantic import TypeAdapter

from . import record_scripts as scripts
from .calls import Call, Reply, Scan, Steps, ends_at, new_call_name
from .keys import PAUSE_KEY, fence_key, hold_key
from .outcomes import Corrupt, Found, Held, Listing, Reason, Refused, Timing
from .records import Name, Record, RecordError

NAME = TypeAdapter[str](Name)


class Holding(Generic[Record]):
    """What both kinds have in common."""

    kind: str
    """`session` or `stream`, as the scripts call it."""
    counter: str
    """Whose tokens it uses."""
    prefix: str
    """Of its keys."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()

    def create(self, record: Record) -> "Call[Held[Record] | Refused]":
        """Make a record where there is none, and win its lease. Refused: TAKEN, EXPIRED (take it over), CORRUPT,
        UNSEEDED, PAUSED."""
        return self._leased(scripts.CREATE, record, new_call_name(), record.text())

    def set(self, record: Record, token: int) -> "Call[Held[Record] | Refused]":
        """Write a record anew and hold its lease for longer, as its holder. Refused: ABSENT, LOST, EXPIRED, CORRUPT."""
        return self._leased(scripts.SET, record, record.owner, token, record.text())

    def renew(self, record: Record, token: int) -> "Call[Held[Record] | Refused]":
        """Hold a lease for longer, as its holder. Refused: ABSENT, LOST, EXPIRED, CORRUPT."""
        return self._leased(scripts.RENEW, record, record.owner, token)

    def take_over(self, record: Record, owner: str) -> "Call[Held[Record] | Refused]":
        """Win the lease of a record whose lease has ended. Exactly one of several who try gets it.

        Args:
            record: which one; its ids alone matter.
            owner: who shall have it.

        Returns:
            The lease with the record, as the last holder left it but for the owner. Refused: ABSENT, TAKEN, CORRUPT,
            UNSEEDED, PAUSED.
        """
        NAME.validate_python(owner)
        call = self._leased(scripts.TAKE_OVER, record, new_call_name(), owner)
        return Call(call.script, call.keys, call.arguments, call.read, lambda _: Refused(Reason.ABSENT))

    def delete(self, record: Record, token: int) -> "Call[Held[Record] | Refused]":
        """Remove a record, as its holder. Refused: ABSENT, LOST, CORRUPT."""
        return self._call(scripts.DELETE, record, (record.owner, token))

    def drop(self, found: Found[Record]) -> Call[bool]:
        """Remove a record, whoever holds it, unless it has changed since it was found: for people, not for servers.

        Returns:
            Whether it was removed.
        """
        return Call(
            scripts.DROP,
            self._keys(found.record),
            (self.kind, self._id(found.record), found.text),
            lambda reply, _: reply[0] == 1,
            lambda _: False,
        )

    def drop_corrupt(self, corrupt: Corrupt) -> Call[bool]:
        """Remove what is no record, unless it has changed since it was found."""
        return Call(
            scripts.DROP,
            self._keys_of((corrupt.key,)),
            (self.kind, "", corrupt.text),
            lambda reply, _: reply[0] == 1,
            lambda _: False,
        )

    def list(self) -> Steps[Listing[Record]]:
        """All records, whether their lease lasts or not. Keys that come and go meanwhile may be missed."""
        found: dict[tuple[str, ...], Found[Record]] = {}
        corrupt: list[Corrupt] = []
        cursor = 0
        while True:
            cursor, keys = cast(tuple[int, Sequence[str]], (yield Scan(self.prefix, cursor)))
            for key in keys:
                one = cast(Found[Record] | Corrupt | None, (yield self._at(key)))
                if isinstance(one, Corrupt):
                    corrupt.append(one)
                elif one is not None:
                    found[self._record_keys(one.record)] = one
            if not cursor:
                break
        corrupt.sort(key=lambda one: one.key)
        return Listing(tuple(found[keys] for keys in sorted(found)), tuple(corrupt))

    def _id(self, record: Record) -> str:
        raise NotImplementedError

    def _record_keys(self, record: Record) -> tuple[str, ...]:
        raise NotImplementedError

    def _read(self, text: str) -> Record:
        raise NotImplementedError

    def _keys(self, record: Record) -> tuple[str, ...]:
        return self._keys_of(self._record_keys(record))

    def _keys_of(self, record_keys: tuple[str, ...]) -> tuple[str, ...]:
        pairs = [key for record_key in record_keys for key in (record_key, hold_key(record_key))]
        return (fence_key(self.counter), PAUSE_KEY, *pairs)

    def _at(self, key: str, identifier: str = "") -> Call[Found[Record] | Corrupt | None]:
        """What lies at a key."""

        def read(reply: Reply, _: float) -> Found[Record] | Corrupt | None:
            match cast(Sequence[str | int], reply):
                case [str() as text, int() as left, int() as token]:
                    try:
                        return Found(self._read(text), max(left, 0), token or None, text, max(-left, 0))
                    except RecordError as error:
                        return Corrupt(key, str(error), text)
                case [str() as text, str() as wrong]:
                    return Corrupt(key, wrong, text)
                case _:
                    return None

        return Call(scripts.READ, self._keys_of((key,)), (self.kind, identifier), read, lambda _: None)

    def _leased(self, script: str, record: Record, *arguments: str | int) -> "Call[Held[Record] | Refused]":
        durations = (self.timing.lease_ms, self.timing.retention_ms)
        return self._call(script, record, (*durations, *arguments))

    def _call(self, script: str, record: Record, arguments: tuple[str | int, ...]) -> "Call[Held[Record] | Refused]":
        return Call(
            script,
            self._keys(record),
            (self.kind, self._id(record), *arguments),
            self._lease,
            lambda _: Held(0, inf, record.text(), self._read),
        )

    def _lease(self, reply: Reply, asked_at: float) -> Held[Record] | Refused:
        word, *rest = cast(Sequence[str | int], reply)
        if word == "held":
            token, text, left = rest
            return Held(int(token), ends_at(asked_at, int(left)), str(text), self._read)
        reason = Reason(str(word))
        match reason, rest:
            case Reason.CORRUPT, [detail]:
                return Refused(reason, detail=str(detail))
            case Reason.TAKEN, [owner, left]:
                return Refused(reason, owner=str(owner), left_ms=int(left))
            case Reason.PAUSED, [left]:
                return Refused(reason, left_ms=int(left))
            case _, [owner]:
                return Refused(reason, owner=str(owner))
            case _:
                return Refused(reason)
