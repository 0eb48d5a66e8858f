"""An adoption that is killed, or gets a signal, before any step it takes in the new folder."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from . import old_server
from .old_server import in_child, look

# What Python reports before it asks the system to change something, or to open a file for it.
CHANGES = frozenset({"open", "os.rename", "os.mkdir", "os.chmod", "os.chown", "os.utime", "os.symlink", "os.remove"})


def signal_before(step: int, target: Path, number: signal.Signals) -> None:
    """Sends this process a signal before its Nth step in the target folder."""
    steps = 0

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal steps
        if event in CHANGES and any(_in(target, argument) for argument in arguments):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), number)

    sys.addaudithook(audit)


def _in(target: Path, argument: object) -> bool:
    if isinstance(argument, int) and not isinstance(argument, bool):
        try:
            argument = str(Path(f"/proc/self/fd/{argument}").readlink())
        except OSError:
            return False
    return isinstance(argument, (str, os.PathLike)) and os.fspath(argument).startswith(str(target))


def killed_at(step: int, old: Path, new: Path) -> int:
    """An adoption in a process of its own that dies before a step; its wait status, 0 when it came to its end."""
    found = look(old, new)

    def killed() -> None:
        signal_before(step, new, signal.SIGKILL)
        old_server.copy(found)

    return in_child(killed)
