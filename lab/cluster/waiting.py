"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.1


def until(condition: Callable[[], bool], *, seconds: float, poll: float = POLL_SECONDS) -> bool:
    """Asks `condition` every `poll` seconds; False when it never held within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll)
    return True
