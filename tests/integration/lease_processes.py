"""The processes of the lease torture, as the test starts, pauses and kills them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from jellyfin_ha.operations.leases.calls import steady
from jellyfin_ha.operations.leases.connection import PASSWORD_VARIABLE
from tests.integration.lease_workers import Part
from tests.integration.processes import STOP_SECONDS, RedisServer, dying_with_us, end

ROOT = Path(__file__).parents[2]


@dataclass
class Worker:
    """A process, or the one that has taken its place.

    Args:
        part: what it takes part in.
        owner: its name as an owner of leases, which outlives it.
        folder: where its logs go.
        wall_shift: how many seconds its clock on the wall is ahead.
        life: how many processes there were under this name.
    """

    part: Part
    owner: str
    folder: Path
    wall_shift: float = 0.0
    life: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _paused_until: float | None = None

    @property
    def who(self) -> str:
        """This life of it, as logs name it."""
        return f"{self.owner}#{self.life}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process; only when it was started."""
        assert self._process is not None
        return self._process

    @property
    def words(self) -> str:
        """What this life of it said, apart from its log."""
        return f"{self.who}:\n{self._file('words').read_text()}"

    def start(self, server: RedisServer, chance: random.Random) -> None:
        """Start a process, which dies with the test."""
        self.life += 1
        options = {
            "--url": f"redis://{server.host}:{server.port}/0",
            "--log": self._file("log"),
            "--owner": self.owner,
            "--life": self.life,
            "--chance": chance.randrange(1 << 32),
            "--wall-shift": self.wall_shift,
        }
        with self._file("words").open("wb") as words:
            self._process = subprocess.Popen(
                [
                    *dying_with_us(user=None, signal_name="KILL"),
                    *(sys.executable, "-m", "tests.integration.lease_workers", self.part),
                    *(str(word) for pair in options.items() for word in pair),
                ],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, PASSWORD_VARIABLE: server.password or ""},
            )

    def require_alive(self) -> None:
        """Fails when it has ended by itself."""
        assert self.process.poll() is None, self.words

    def pause(self, seconds: float) -> None:
        """Let it stand still for a while; `resume` ends that."""
        self.process.send_signal(signal.SIGSTOP)
        self._paused_until = steady() + seconds

    def resume(self, *, now: bool = False) -> None:
        """Let it go on if its pause is over, or in any case."""
        if self._paused_until is not None and (now or self._paused_until <= steady()):
            self.process.send_signal(signal.SIGCONT)
            self._paused_until = None

    def depose(self) -> None:
        """Ask it to take the role by force when it does not lead; only once it has begun to log."""
        self.process.send_signal(signal.SIGUSR1)

    def finish(self) -> None:
        """Ask it to end, which it does in good order, unless it had not begun."""
        end(self.process, gently=signal.SIGTERM)
        assert self.process.returncode in (0, -signal.SIGTERM), self.words

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
        self._paused_until = None

    def _file(self, suffix: str) -> Path:
        return self.folder / f"{self.owner}-{self.life}.{suffix}"
