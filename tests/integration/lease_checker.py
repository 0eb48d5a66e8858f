"""Whether what the processes of the lease torture wrote down could have happened with leases that keep their promises.

It reads their logs and never Redis: a store that gives a lease twice would not tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from tests.integration.lease_log import ROLES, SESSIONS, Entry, What

LEASE_WRITES = (What.GRANTED, What.RENEWED)
# Redis counts in whole milliseconds.
ROUNDING = 0.002
# One broken promise breaks others; the first ones tell.
SHOWN = 20


@dataclass(frozen=True)
class Belief:
    """That a process relied on a lease from one moment until another."""

    who: str
    token: int
    start: float
    end: float


def violations(entries: Sequence[Entry]) -> list[str]:
    """What is wrong, in words; empty when nothing is."""
    return [
        *_two_at_once(entries),
        *_tokens(entries),
        *_stale_writes(entries),
        *_lost_early(entries),
        *_progress(entries),
        *_records(entries),
    ]


def beliefs(entries: Sequence[Entry]) -> dict[str, list[Belief]]:
    """Who relied on which lease when, by its name.

    A lease that was taken by force is over for everybody else at that moment: the force is what its user answers for.
    """
    found: dict[tuple[str, str, int], Belief] = {}
    for entry in entries:
        key = (entry.name, entry.who, entry.token)
        if entry.what is What.GRANTED and key not in found:
            found[key] = Belief(entry.who, entry.token, entry.at, entry.ends)
        elif entry.what is What.RENEWED and key in found:
            found[key] = replace(found[key], end=max(found[key].end, entry.ends))
    forced = _forced(entries)
    for entry in entries:
        key = (entry.name, entry.who, entry.token)
        if entry.what is What.STOPPED and key in found:
            found[key] = replace(found[key], end=min(found[key].end, entry.at))
    by_name: dict[str, list[Belief]] = defaultdict(list)
    for (name, _, token), belief in found.items():
        by_name[name].append(replace(belief, end=min(belief.end, forced.get((name, token), inf))))
    return by_name


def _forced(entries: Sequence[Entry]) -> dict[tuple[str, int], float]:
    """When terms were ended by force: at the first asking that Redis is not known to have refused."""
    refused = {entry.how for entry in entries if entry.what is What.REFUSED}
    ends: dict[tuple[str, int], float] = {}
    for entry in entries:
        if entry.what is What.DEPOSING and entry.how not in refused:
            ends.setdefault((entry.name, entry.deposed), entry.at)
    return ends


def _two_at_once(entries: Sequence[Entry]) -> Iterator[str]:
    for name, found in beliefs(entries).items():
        last: Belief | None = None
        for belief in sorted((one for one in found if one.end > one.start), key=lambda one: one.start):
            if last is not None and belief.start < last.end:
                yield (
                    f"two owners at once: {name} was {last.who}'s with token {last.token} until {last.end:.3f} and "
                    f"{belief.who}'s with token {belief.token} from {belief.start:.3f}"
                )
            if last is None or belief.end > last.end:
                last = belief


def _tokens(entries: Sequence[Entry]) -> Iterator[str]:
    grants = [entry for entry in entries if entry.what is What.GRANTED]
    seen: dict[tuple[str, int], Entry] = {}
    for grant in grants:
        first = seen.setdefault((_counter(grant.name), grant.token), grant)
        if first is not grant:
            yield f"a token twice: {grant.token} was given to {first.who} for {first.name}, and to {_about(grant)}"
    for counter in {_counter(grant.name) for grant in grants}:
        counted = [grant for grant in grants if _counter(grant.name) == counter]
        for before, after in _going_back([(grant.at, grant.asked, grant.token, grant) for grant in counted]):
            yield f"a shrinking token: {_about(after)}, after {_about(before)}"


def _stale_writes(entries: Sequence[Entry]) -> Iterator[str]:
    """Of tokens that had to be refused, because a greater one was known, or what they were for was deleted."""
    for found in _by_name(entries).values():
        marks = [
            (entry.at, inf, entry.token + (entry.what is What.DELETED), entry)
            for entry in found
            if entry.what in (What.GRANTED, What.DELETED)
        ]
        writes = [
            (inf, entry.asked, entry.token, entry)
            for entry in found
            if entry.what in (What.RENEWED, What.DELETED, What.FOUND) or (entry.what is What.WROTE and entry.accepted)
        ]
        for before, after in _going_back([*marks, *writes]):
            yield f"a stale write: {_about(after)}, after {_about(before)}"


def _lost_early(entries: Sequence[Entry]) -> Iterator[str]:
    """Leases that Redis took from their holders before they were over."""
    granted = {(entry.name, entry.token): entry for entry in entries if entry.what is What.GRANTED}
    losses = [entry for entry in entries if entry.what is What.LOST]
    forced = _forced(entries)
    ends: dict[tuple[str, int], float] = defaultdict(float)
    for entry in entries:
        key = (entry.name, entry.token)
        if entry.what in LEASE_WRITES:
            ends[key] = max(ends[key], entry.ends)
        if entry.what is not What.STOPPED or not entry.why or entry.at >= ends[key] or key in forced:
            continue
        if not any(loss.at > granted[key].asked and loss.asked < entry.at for loss in losses):
            yield f"lost early: {_about(entry)} was told {entry.why} {ends[key] - entry.at:.3f} s before the end"


def _progress(entries: Sequence[Entry]) -> Iterator[str]:
    """Progress only grows, from a session's creation until its end, whoever has it."""
    lives: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.life and entry.segment >= 0:
            lives[entry.life].append(entry)
    for found in lives.values():
        for before, after in _going_back([(entry.at, entry.asked, entry.segment, entry) for entry in found]):
            yield f"progress went back: {_about(after)} had segment {after.segment} after {before.segment}"


def _records(entries: Sequence[Entry]) -> Iterator[str]:
    """Sessions that were gone although nobody had deleted them, their retention lasted and Redis had its data."""
    losses = [entry for entry in entries if entry.what is What.LOST]
    listings = [entry for entry in entries if entry.what is What.LISTED]
    for name, found in _by_name(entries).items():
        if not name.startswith(SESSIONS):
            continue
        present = [entry for entry in found if _shows_presence(entry)]
        there = {entry.who for entry in found if entry.what is What.FOUND}
        absences = [entry for entry in found if _shows_absence(entry)]
        absences += [replace(one, name=name) for one in listings if one.who not in there]
        deleting = [entry for entry in found if entry.what is What.DELETING]
        for absence in absences:
            known = [entry for entry in present if entry.at < absence.asked]
            if not known:
                continue
            last = max(known, key=lambda entry: (entry.token, entry.asked))
            kept = max((entry.asked + entry.retention for entry in known if entry.retention), default=-inf)
            if kept - ROUNDING <= absence.at:
                continue
            if any(one.token >= last.token and one.at <= absence.at for one in deleting):
                continue
            if any(loss.at > last.asked and loss.asked < absence.at for loss in losses):
                continue
            yield (
                f"a lost record: {name} was gone at {absence.at:.3f} ({absence.what} by {absence.who}), after "
                f"{_about(last)} at {last.at:.3f}"
            )


def _shows_presence(entry: Entry) -> bool:
    return entry.what in (*LEASE_WRITES, What.FOUND) or (entry.what is What.WROTE and entry.accepted)


def _shows_absence(entry: Entry) -> bool:
    gone = entry.what is What.REFUSED and entry.why == "absent"
    return gone or (entry.what is What.GRANTED and entry.how == "create")


def _going_back(
    observed: Iterable[tuple[float, float, int, Entry]],
) -> Iterator[tuple[Entry, Entry]]:
    """Pairs of which the first was known before the second was asked for, and is greater.

    Args:
        observed: when it was known, when it was asked for, how great it is, and what it is.
    """
    observations = list(observed)
    known = sorted(observations, key=lambda one: one[0])
    place, greatest = 0, None
    for one in sorted(observations, key=lambda one: one[1]):
        _, asked, value, entry = one
        while place < len(known) and known[place][0] < asked:
            if greatest is None or known[place][2] > greatest[2]:
                greatest = known[place]
            place += 1
        if asked < inf and greatest is not None and greatest[2] > value:
            yield greatest[3], entry


def _by_name(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.name:
            found[entry.name].append(entry)
    return found


def _counter(name: str) -> str:
    """All sessions share one counter; each role has its own."""
    return name if name.startswith(ROLES) else SESSIONS


def _about(entry: Entry) -> str:
    return f"{entry.who}: {entry.what} {entry.how} {entry.name} with token {entry.token}".replace("  ", " ")
