"""How long work tells what it is doing, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Called by long work; implementations must be cheap and safe to call from any thread.

    Args:
        message: what is being done now, one line, for people ("importing postgres on n2").
        fraction: how much of this work is done, 0.0 to 1.0, or None when it cannot be known.
    """

    def __call__(self, message: str, fraction: float | None = None, /) -> None: ...


def silent(message: str, fraction: float | None = None, /) -> None:
    """A progress that tells nobody."""
