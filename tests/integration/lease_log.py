"""What the processes of the lease torture write down: one JSON object a line, each process a file of its own."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Self

from jellyfin_ha.operations.leases.calls import steady

SESSIONS = "session:"
ROLES = "role:"


class What(StrEnum):
    """What happened."""

    STARTED = "started"
    """A process began; `wall` is what it takes for the time of day."""
    GRANTED = "granted"
    """It got a lease, with `token`, on which it relies until `ends` unless it stops before."""
    RENEWED = "renewed"
    """It relies on it until `ends` by now."""
    STOPPED = "stopped"
    """It relies on it no more; `why` if Redis said so."""
    WROTE = "wrote"
    """It wrote with a token; `accepted` says whether Redis took it."""
    REFUSED = "refused"
    """Redis refused a question (`how`) about a lease, for the reason `why`."""
    DELETING = "deleting"
    """It is about to delete a session."""
    DELETED = "deleted"
    """It has."""
    DEPOSING = "deposing"
    """It is about to end the term `deposed` by force; `how` names the asking, also where it is refused."""
    FOUND = "found"
    """A session that is there at the end."""
    LISTED = "listed"
    """Those that were found are all."""
    LOST = "lost"
    """Redis lost its data between `asked` and `at`."""


@dataclass(frozen=True)
class Entry:
    """A line of a log; times are seconds of CLOCK_BOOTTIME, which all processes of a machine share.

    Args:
        who: one life of one process.
        what: happened.
        at: when it was known.
        asked: when Redis was asked; it happened between the two.
        name: of the role or session, `role:...` or `session:...`.
        token: the term or token.
        ends: until when the lease lasts as its holder sees it.
        how: the question.
        why: the reason of a refusal or an end.
        accepted: whether a write was.
        deposed: the term that was ended by force.
        life: of a session, from its creation to its end; whoever creates it names it.
        segment: how far a session has come.
        retention: for how many seconds a record outlives this write of its lease; 0 when the lease was not written.
        wall: the time of day.
    """

    who: str
    what: What
    at: float
    asked: float = 0.0
    name: str = ""
    token: int = 0
    ends: float = 0.0
    how: str = ""
    why: str = ""
    accepted: bool = False
    deposed: int = 0
    life: str = ""
    segment: int = -1
    retention: float = 0.0
    wall: float = 0.0

    @classmethod
    def of(cls, line: str) -> Self:
        """An entry from its line."""
        found = json.loads(line)
        return cls(**{**found, "what": What(found["what"])})

    def line(self) -> str:
        """The line, without what says nothing."""
        defaults = {one.name: one.default for one in fields(self)}
        return json.dumps({name: value for name, value in asdict(self).items() if value != defaults[name]})


@dataclass
class Log:
    """The log of one life of one process."""

    path: Path
    who: str
    _file: int = field(init=False)

    def __post_init__(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def add(self, what: What, **values: str | float | bool) -> None:
        """Write down what is known now."""
        entry = Entry(**{"who": self.who, "what": what, "at": steady(), **values})
        os.write(self._file, f"{entry.line()}\n".encode())


@dataclass
class Logs:
    """All logs of a folder, read as they grow."""

    folder: Path
    _read: dict[Path, int] = field(default_factory=dict[Path, int])
    _entries: list[Entry] = field(default_factory=list[Entry])

    def entries(self) -> list[Entry]:
        """What has been written until now, by the time at which it was known.

        A last line that its writer was killed over is none.
        """
        for path in self.folder.glob("*.log"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                whole = file.read().rpartition(b"\n")[0]
            if whole:
                self._read[path] = self._read.get(path, 0) + len(whole) + 1
                self._entries += [Entry.of(line) for line in whole.decode().split("\n")]
        self._entries.sort(key=lambda entry: entry.at)
        return self._entries
