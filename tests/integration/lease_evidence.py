"""Whether a run of the lease torture has shown anything: what never came to pass was not tested."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

from tests.integration.lease_log import ROLES, SESSIONS, Entry, What

WRONG_DAY_SECONDS = 3600.0


@dataclass(frozen=True)
class Evidence:
    """How many times things came to pass.

    Args:
        leaders: that the role was won.
        deposed: that it was won by force.
        stale_writes_refused: that a leader's write was refused, because it leads no more.
        sessions: that a session was made.
        taken_over: that one was taken over.
        deleted: that one was deleted.
        refused: that a question about a session was refused.
        reported: that progress was told.
        wrong_clocks: grants to processes that took another day for today.
        survivors: sessions that were there at the end.
    """

    leaders: int
    deposed: int
    stale_writes_refused: int
    sessions: int
    taken_over: int
    deleted: int
    refused: int
    reported: int
    wrong_clocks: int
    survivors: int

    def missing(self, least: int = 1) -> list[str]:
        """What came to pass fewer times than that."""
        return [one.name for one in fields(self) if getattr(self, one.name) < least]


def evidence(entries: Sequence[Entry]) -> Evidence:
    """What the logs of a run that ended a moment ago show."""
    wrong = {
        entry.who
        for entry in entries
        if entry.what is What.STARTED and abs(entry.wall - time.time()) > WRONG_DAY_SECONDS
    }
    grants = [entry for entry in entries if entry.what is What.GRANTED]
    roles = [entry for entry in entries if entry.name.startswith(ROLES)]
    sessions = [entry for entry in entries if entry.name.startswith(SESSIONS)]
    return Evidence(
        leaders=sum(entry.what is What.GRANTED for entry in roles),
        deposed=sum(entry.how == "depose" for entry in roles),
        stale_writes_refused=sum(entry.what is What.WROTE and not entry.accepted for entry in roles),
        sessions=sum(entry.how == "create" and entry.what is What.GRANTED for entry in sessions),
        taken_over=sum(entry.how == "take over" and entry.what is What.GRANTED for entry in sessions),
        deleted=sum(entry.what is What.DELETED for entry in sessions),
        refused=sum(entry.what is What.REFUSED for entry in sessions),
        reported=sum(entry.what is What.WROTE for entry in sessions),
        wrong_clocks=sum(entry.who in wrong for entry in grants),
        survivors=sum(entry.what is What.FOUND for entry in sessions),
    )
