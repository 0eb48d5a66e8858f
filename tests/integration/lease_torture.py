"""Eight processes that fight over leases, while everything that can happen to them and to Redis does."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from jellyfin_ha.operations.leases import Endpoint, seed
from jellyfin_ha.operations.leases.calls import steady
from tests.integration.lease_log import SESSIONS, Entry, Log, Logs, What
from tests.integration.lease_processes import Worker
from tests.integration.lease_role_worker import LEASES_MS, NAME
from tests.integration.lease_session_worker import POOL
from tests.integration.lease_workers import Part
from tests.integration.processes import POLL_SECONDS, RedisServer, wait_until

LONGEST_LEASE_SECONDS = max(*LEASES_MS, *(kind.timing.lease_ms for kind in POOL.values())) / 1000
# Whoever held a lease when Redis lost its data believes so no longer.
PAUSE_SECONDS = 1.2 * LONGEST_LEASE_SECONDS
# Four for the role, as many as there are manners, and as many for the sessions.
PARTS = (Part.CANDIDATE, Part.EVENTS, Part.BY_HAND, Part.BACKGROUND, *([Part.SESSIONS] * 4))
# One of each sort takes tomorrow or yesterday for today.
WALL_SHIFTS = {0: 86_400.0, 4: -86_400.0}
START_SECONDS = 60.0
DEPOSE_SECONDS = 20.0
DEPOSE_EVERY_SECONDS = 0.2
CALM_SECONDS = 30.0
READ_SECONDS = 30.0


class Harm(StrEnum):
    """What is done."""

    PAUSE = "pause a process for longer than its lease"
    KILL = "kill a process, and start another with its name"
    CRASH = "kill Redis, which keeps its data"
    LOSE = "kill Redis and remove its data"
    STALL = "pause Redis"
    CUT = "cut all connections"
    FLUSH = "flush the scripts"
    DEPOSE = "depose the leader"


@dataclass
class Torture:
    """The processes, their Redis, and what is done to them.

    Args:
        server: the Redis.
        folder: where everybody's log goes.
        chance: decides what is done when; two runs with the same seed do the same, and differ all the same.
    """

    server: RedisServer
    folder: Path
    chance: random.Random
    workers: list[Worker] = field(default_factory=list[Worker])
    done: list[Harm] = field(default_factory=list[Harm])

    def __post_init__(self) -> None:
        self._logs = Logs(self.folder)
        self._log = Log(self.folder / "torture.log", "torture")
        for number, part in enumerate(PARTS):
            self.workers.append(Worker(part, f"jellyfin-{number}", self.folder, WALL_SHIFTS.get(number, 0.0)))

    def run(self, seconds: float) -> list[Entry]:
        """Let them fight for so long.

        Returns:
            what everybody wrote down.
        """
        seed(Endpoint(self.server.url), pause_ms=0)
        for worker in self.workers:
            worker.start(self.server, self.chance)
        everybody = {worker.who for worker in self.workers}
        wait_until(lambda: everybody <= self._started(), seconds=START_SECONDS, what="all processes")
        self._harm(seconds)
        for worker in self.workers:
            worker.resume(now=True)
        self._wait_for_peace()
        for worker in self.workers:
            worker.finish()
        self._read()
        return self.entries()

    def harms(self) -> Mapping[Harm, int]:
        """How many times each was done."""
        done = Counter(self.done)
        return {harm: done[harm] for harm in Harm}

    def entries(self) -> list[Entry]:
        """What everybody has written down until now."""
        return self._logs.entries()

    def _started(self) -> set[str]:
        """Who has begun to work."""
        return {entry.who for entry in self.entries()}

    def _harm(self, seconds: float) -> None:
        """Do everything at least once, in an order of chance."""
        until = steady() + seconds
        order: list[Harm] = []
        while steady() < until or set(self.done) < set(Harm):
            order = order or self.chance.sample(list(Harm), len(Harm))
            self._do(order.pop())
            wake = steady() + self.chance.uniform(0.2, 0.8) * LONGEST_LEASE_SECONDS
            while steady() < wake:
                self._resume()
                time.sleep(POLL_SECONDS)
            for worker in self.workers:
                worker.require_alive()

    def _do(self, harm: Harm) -> None:
        match harm:
            case Harm.PAUSE:
                self._pause(2)
            case Harm.KILL:
                worker = self.chance.choice(self.workers)
                worker.kill()
                worker.start(self.server, self.chance)
            case Harm.CRASH:
                self.server.crash()
                self.server.start()
            case Harm.LOSE:
                self._lose()
            case Harm.STALL:
                self.server.process.send_signal(signal.SIGSTOP)
                time.sleep(self.chance.uniform(0.2, 1.2) * LONGEST_LEASE_SECONDS)
                self.server.process.send_signal(signal.SIGCONT)
            case Harm.CUT:
                with self.server.client() as client:
                    client.client_kill_filter(_type="normal", skipme=True)
            case Harm.FLUSH:
                with self.server.client() as client:
                    client.script_flush()
            case Harm.DEPOSE:
                self._depose()
        self.done.append(harm)

    def _pause(self, count: int) -> None:
        """Let some of the processes sleep longer than any lease; `_resume` wakes them."""
        for worker in self.chance.sample(self.workers, count):
            worker.pause(self.chance.uniform(1.1, 2) * LONGEST_LEASE_SECONDS)

    def _depose(self) -> None:
        """Given somebody leads, then another one takes its place by force within DEPOSE_SECONDS."""
        began = steady()

        def deposed() -> bool:
            self._resume()
            started = self._started()
            for worker in self.workers:
                if worker.who in started and worker.part is not Part.SESSIONS:
                    worker.depose()
            time.sleep(DEPOSE_EVERY_SECONDS)
            return any(entry.at > began and entry.how == "depose" for entry in self.entries())

        wait_until(deposed, seconds=DEPOSE_SECONDS, what="a leader by force")

    def _lose(self) -> None:
        """Take its data from Redis, while half of those who may hold leases cannot notice."""
        self._pause(len(self.workers) // 2)
        asked = steady()
        self.server.crash()
        self.server.forget()
        self.server.start()
        self._log.add(What.LOST, asked=asked)
        seed(Endpoint(self.server.url), pause_ms=int(PAUSE_SECONDS * 1000))

    def _resume(self) -> None:
        """Let those go on whose pause is over."""
        for worker in self.workers:
            worker.resume()

    def _wait_for_peace(self) -> None:
        """Given nothing more happens, then somebody leads again, and sessions are had again, within CALM_SECONDS."""
        calm = steady()
        for what, name in (("a leader", NAME), ("a session's holder", SESSIONS)):
            wait_until(
                lambda name=name: any(_held_after(calm, entry, name) for entry in self.entries()),
                seconds=CALM_SECONDS,
                what=what,
            )

    def _read(self) -> None:
        """Let a process write down which sessions there are."""
        reader = Worker(Part.READER, "reader", self.folder)
        reader.start(self.server, self.chance)
        try:
            assert reader.process.wait(READ_SECONDS) == 0, reader.words
        finally:
            reader.kill()


def _held_after(moment: float, entry: Entry, name: str) -> bool:
    return entry.asked > moment and entry.name.startswith(name) and entry.what in (What.GRANTED, What.RENEWED)


@contextmanager
def torture(server: RedisServer, folder: Path, chance: random.Random) -> Generator[Torture]:
    """A torture whose processes end with the block."""
    tortured = Torture(server, folder, chance)
    try:
        yield tortured
    finally:
        for worker in tortured.workers:
            worker.kill()
