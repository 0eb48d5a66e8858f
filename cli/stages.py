"""What `up` is doing, how far it is, and how long each stage took."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

# A log is read afterwards: a line now and then shows that work goes on, a line for each package hides the rest.
PLAIN_LINE_SECONDS = 15.0


class Stages:
    """Runs stages one after the other, shows them, and remembers their durations.

    Args:
        console: where to write; on a terminal with a moving bar, elsewhere in plain lines.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._durations: list[tuple[str, float]] = []

    @contextmanager
    def stage(self, title: str) -> Generator["Report"]:
        """A stage; yields the progress to hand to the work."""
        shown = _bar(self._console) if self._console.is_terminal else _lines(self._console, title)
        with self.timed(title), shown as report:
            yield report

    @contextmanager
    def timed(self, title: str) -> Generator[None]:
        """A stage that shows its progress by itself."""
        started = time.monotonic()
        yield
        took = time.monotonic() - started
        self._durations.append((title, took))
        self._console.print(f"[green]✓[/] {title} [dim]({took:.1f} s)[/]", highlight=False)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def summary(self) -> Table:
        """The stages and their durations in seconds."""
        table = Table("stage", "seconds", box=None, pad_edge=False, header_style="dim")
        table.columns[1].justify = "right"
        for title, took in [*self._durations, ("in all", sum(took for _, took in self._durations))]:
            table.add_row(title, f"{took:.1f}")
        return table


class Report:
    """A `jellyfin_ha.operations.progress.Progress` that one of the two forms below shows."""

    def __call__(self, message: str, fraction: float | None = None, /) -> None:
        """Shows what is being done, and which share of the stage is done."""


class _Bar(Report):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def __call__(self, message: str, fraction: float | None = None, /) -> None:
        self._progress.update(self._task, description=message, total=1.0 if fraction is not None else None)
        if fraction is not None:
            self._progress.update(self._task, completed=fraction)


class _Lines(Report):
    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = float("-inf")

    def __call__(self, message: str, fraction: float | None = None, /) -> None:
        now = time.monotonic()
        if now - self._last >= PLAIN_LINE_SECONDS:
            self._last = now
            share = f" {fraction:.0%}" if fraction is not None else ""
            self._console.print(f"  {message}{share}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _bar(console: Console) -> Generator[Report]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress)


@contextmanager
def _lines(console: Console, title: str) -> Generator[Report]:
    console.print(f"{title} ...", highlight=False)
    yield _Lines(console)
