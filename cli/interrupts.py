"""Ctrl-C and SIGTERM, so that work ends in order and nothing on the way loses them."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType, TracebackType

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While the block runs, both signals raise a KeyboardInterrupt, and are remembered.

    Where Python runs inside of a library, the exception may be lost: SQLite makes an error of the query of it. And the
    first process of a container, which has no handler of its own, would not end on SIGTERM at all.
    """

    def __init__(self) -> None:
        self.came = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Interrupts":
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # pyright: ignore[reportArgumentType]

    def noticed_in(self, progress: Progress) -> Progress:
        """A progress in whose next call an exception that was lost is raised again."""

        def noticing(message: str, fraction: float | None = None, /) -> None:
            self.notice()
            progress(message, fraction)

        return noticing

    def notice(self) -> None:
        """Raise again an exception that was lost."""
        if self.came:
            raise KeyboardInterrupt

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


@contextmanager
def interruptible(state: str) -> Generator[Interrupts]:
    """A block that both signals end as a refusal does.

    Args:
        state: what things are like then, and what to do, for people.

    Raises:
        UserError: exit code 1, with those words.
    """
    interrupts = Interrupts()
    try:
        with interrupts:
            yield interrupts
    except (KeyboardInterrupt, UserError) as failure:
        # A UserError may be what a library made of the interrupt.
        if isinstance(failure, UserError) and not interrupts.came:
            raise
        raise UserError(f"interrupted. {state}") from None
