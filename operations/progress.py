"""How long work tells what it is doing, without knowing who listens."""

import time
from collections.abc import Callable
from typing import Protocol

# A log is read afterwards: a line now and then shows that work goes on, a line for each step hides the rest.
PLAIN_LINE_SECONDS = 15.0


class Progress(Protocol):
    """Called by long work; implementations must be cheap and safe to call from any thread.

    Args:
        message: what is being done now, one line, for people ("importing postgres on n2").
        fraction: how much of this work is done, 0.0 to 1.0, or None when it cannot be known.
    """

    def __call__(self, message: str, fraction: float | None = None, /) -> None: ...


def silent(message: str, fraction: float | None = None, /) -> None:
    """A progress that tells nobody."""


def in_lines(say: Callable[[str], None]) -> Progress:
    """A progress in plain lines, one every 15 s, with the share that is done and the time that is left.

    Args:
        say: takes one line.
    """
    started = last = time.monotonic()

    def tell(message: str, fraction: float | None = None, /) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < PLAIN_LINE_SECONDS:
            return
        last = now
        share = f" {fraction:.0%}" if fraction is not None else ""
        took = now - started
        left = f", {took / fraction - took:.0f} s left" if fraction else ""
        say(f"{message}{share}{left}")

    return tell
