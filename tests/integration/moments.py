"""Moments of a migration: which phase it is in, and how many times it has asked PostgreSQL for something there."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg

from jellyfin_ha.cli.stages import Stages
from jellyfin_ha.operations.progress import Progress


class Phase(StrEnum):
    """What a migration does one after the other; the first includes all checks."""

    COPY = "copy"
    INDEXES = "indexes and keys"
    VERIFICATION = "verification"
    COMMIT = "commit"


FIRST_WORDS = {
    "copying": Phase.COPY,
    "indexing": Phase.INDEXES,
    "checking": Phase.INDEXES,
    "verifying": Phase.VERIFICATION,
    "committing": Phase.COMMIT,
}


class Place(StrEnum):
    """Where in the asking."""

    BEFORE = "before"
    WITHIN = "within"
    AFTER = "after"


@dataclass(frozen=True)
class Moment:
    """A moment: the `number`th asking of a phase, from 1."""

    phase: Phase
    number: int
    place: Place


def moments(chance: random.Random, phase: Phase, askings: int, count: int) -> list[Moment]:
    """Moments spread over a phase that asks so many times: one in each part of it, at every place in turn."""
    places = list(Place)
    return [
        Moment(
            phase,
            chance.randint(
                askings * part // count + 1, max(askings * (part + 1) // count, askings * part // count + 1)
            ),
            places[part % len(places)],
        )
        for part in range(count)
    ]


class Activity:
    """Follows a migration in this process: give `progress` to it, or let it follow the command's.

    It replaces psycopg's way to wait for answers in the whole process, for good: for forked ones.

    Args:
        on_moment: told every moment; BEFORE and WITHIN come one after the other before the asking.
    """

    def __init__(self, on_moment: Callable[[Moment], None]) -> None:
        self.phase = Phase.COPY
        self.counts: Counter[Phase] = Counter()
        self._on_moment = on_moment
        self._replace_wait()

    def progress(self, message: str, fraction: float | None = None, /) -> None:
        """The migration's progress."""
        self.phase = FIRST_WORDS.get(message.split()[0], self.phase)

    def follow_stages(self, on_message: Callable[[str], None] = lambda _: None) -> None:
        """Follow what the command shows, in the whole process, for good; and pass the messages on."""
        show = Stages.stage

        @contextmanager
        def followed(stages: Stages, title: str) -> Generator[Progress]:
            with show(stages, title) as report:

                def progress(message: str, fraction: float | None = None, /) -> None:
                    self.progress(message, fraction)
                    on_message(message)
                    report(message, fraction)

                yield progress

        Stages.stage = followed  # type: ignore[method-assign]

    def _replace_wait(self) -> None:
        wait = psycopg.Connection.wait

        def noticed(connection: psycopg.Connection[Any], *arguments: Any, **named: Any) -> Any:
            self.counts[self.phase] += 1
            phase, number = self.phase, self.counts[self.phase]
            self._on_moment(Moment(phase, number, Place.BEFORE))
            self._on_moment(Moment(phase, number, Place.WITHIN))
            try:
                return wait(connection, *arguments, **named)
            finally:
                # Also when the answer is a refusal: the copy tries its quick way first.
                self._on_moment(Moment(phase, number, Place.AFTER))

        psycopg.Connection.wait = noticed  # type: ignore[method-assign]
