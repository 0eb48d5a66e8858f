"""Work in a forked process, which starts in a millisecond, and can be killed or signalled at a moment of choice."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.integration.processes import wait_until

CHILD_SECONDS = 60.0
UNEXPECTED = 70

Tell = Callable[[str], None]


@dataclass
class Fork:
    """A process of ours that works, and tells in lines how far it is."""

    pid: int
    told: int
    output: Path
    _status: int | None = None

    def line(self) -> str | None:
        """The next line that it tells, or None when it ended without one."""
        found = b""
        deadline = time.monotonic() + CHILD_SECONDS
        while not found.endswith(b"\n"):
            ready, _, _ = select.select([self.told], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise TimeoutError(f"process {self.pid} told nothing within {CHILD_SECONDS:g} s")
            letter = os.read(self.told, 1)
            if not letter:
                return None
            found += letter
        return found.decode().strip()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._status is None:
            os.kill(self.pid, number)

    def wait(self, seconds: float = CHILD_SECONDS) -> int:
        """How it ended: an exit code, or a signal's number below zero."""
        wait_until(self._ended, seconds=seconds, what=f"the end of process {self.pid}")
        assert self._status is not None
        return os.waitstatus_to_exitcode(self._status)

    def words(self) -> str:
        """What it wrote to its standard output and error."""
        return self.output.read_text("utf-8")

    def _ended(self) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = status
        return self._status is not None


@contextmanager
def forked(work: Callable[[Tell], None], output: Path) -> Generator[Fork]:
    """A process that does `work`; killed at the end of the block if it still runs.

    Args:
        work: told how to tell lines to this process.
        output: takes what it writes to its standard output and error.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _work(work, writing, output)
    os.close(writing)
    fork = Fork(pid, reading, output)
    try:
        yield fork
    finally:
        fork.signal(signal.SIGKILL)
        fork.wait()
        os.close(reading)


def _work(work: Callable[[Tell], None], telling: int, output: Path) -> NoReturn:
    code = UNEXPECTED
    try:
        sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(sink, number)
        # Those of the test run are pytest's.
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        work(lambda line: os.write(telling, f"{line}\n".encode()) and None)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else UNEXPECTED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
