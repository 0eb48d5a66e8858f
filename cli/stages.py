"""What `up` is doing, how far it is, and how long each stage took."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich import progress
from rich.console import Console
from rich.table import Table

from jellyfin_ha.operations.progress import Progress, in_lines


class Stages:
    """Runs stages one after the other, shows them, and remembers their durations.

    Args:
        console: where to write; on a terminal with a moving bar, elsewhere in plain lines.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._durations: list[tuple[str, float]] = []

    @contextmanager
    def stage(self, title: str) -> Generator[Progress]:
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


class _Bar:
    """A `Progress` that moves a bar."""

    def __init__(self, shown: progress.Progress) -> None:
        self._progress = shown
        self._task = shown.add_task("", total=None)

    def __call__(self, message: str, fraction: float | None = None, /) -> None:
        self._progress.update(self._task, description=message, total=1.0 if fraction is not None else None)
        if fraction is not None:
            self._progress.update(self._task, completed=fraction)


@contextmanager
def _bar(console: Console) -> Generator[Progress]:
    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True) as shown:
        yield _Bar(shown)


@contextmanager
def _lines(console: Console, title: str) -> Generator[Progress]:
    def say(line: str) -> None:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)

    console.print(f"{title} ...", highlight=False)
    yield in_lines(say)
