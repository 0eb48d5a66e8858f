"""What `adopt` tells people."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jellyfin_ha.operations.adoption import (
    PLUGIN_DATABASES_MEAN,
    Destination,
    Group,
    Outcome,
    Owner,
    PathGroup,
    Survey,
    shown,
    size,
)

from .stages import Stages

# A folder full of strangers is told by its first rows; the report has them all.
MOST_ROWS = 20


def show_survey(console: Console, found: Survey, owner: Owner | None) -> None:
    """Prints everything that was found."""
    name = f" ({shown(found.server_name)})" if found.server_name else ""
    layout = found.layout
    lines = [
        f"server       {found.server_id}{name}: clients know it by this id, and it is kept",
        f"from         {shown(str(layout.data))}, configuration {shown(str(layout.config))}: {layout.kind}",
        f"to           {shown(str(found.destination.folder))}, for {owner or 'this user'}",
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    _show_moves(console, found.destination)
    _table(console, "copied", ("what", "files", "size", ""), _rows(found.selection.by_rule))
    _table(console, "copied, though no rule names it", ("what", "files", "size", ""), _rows(found.selection.unnamed))
    _table(console, "left out", ("what", "files", "size", "why"), _rows(found.selection.left_out))
    _table(
        console,
        "to look at, not changed",
        ("file", "setting", "value", "why"),
        [(shown(one.file), one.name, shown(one.value) or "-", one.advice) for one in found.findings],
    )
    plugins = [(shown(one.path), shown(one.plugin), size(one.size)) for one in found.plugin_databases]
    _table(console, "databases of plugins", ("file", "plugin", "size"), plugins)
    if plugins:
        _loud(console, PLUGIN_DATABASES_MEAN)
    _show_paths(console, found)
    for note in found.notes:
        _loud(console, f"note: {note}")


def show_outcome(stages: Stages, found: Survey, outcome: Outcome | None) -> None:
    """Prints what was done, or would be."""
    moves = len(found.destination.moves)
    if outcome is None:
        files = found.destination.comparison.files
        aside = f"set aside {moves:,} files and " if moves else ""
        stages.say(f"would {aside}copy {len(files):,} files, {size(sum(e.size for e in files))}; nothing was written")
        return
    aside = f"{moves:,} files of the new server set aside; " if moves else ""
    stages.say(
        f"{aside}{outcome.files:,} files copied and compared, {size(outcome.size)}; {outcome.known:,} were there. "
        "The old folder is as it was: keep it stopped, and keep it."
    )


def _show_moves(console: Console, found: Destination) -> None:
    if found.newcomer:
        console.print(
            f"             there is the new server {found.newcomer.id}, which nobody has set up: its files make room",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    _table(
        console,
        "set aside in the new folder, not deleted",
        ("file", "now"),
        [(shown(move.path), shown(move.place)) for move in (*found.moved, *found.moves)],
    )


def _show_paths(console: Console, found: Survey) -> None:
    paths = found.paths
    if paths.checked is not None:
        console.print(f"media        {paths.checked:,} items have a path", highlight=False)
    _groups(console, "items that lie where the new servers have no media", paths.outside)
    _groups(console, "items without a file on this machine", paths.missing)


def _groups(console: Console, title: str, groups: Sequence[PathGroup]) -> None:
    rows = [(shown(group.prefix), f"{group.items:,}", shown(group.example)) for group in groups]
    _table(console, title, ("folder", "items", "such as"), rows, style="bold red")


def _rows(groups: Iterable[Group]) -> list[tuple[str, ...]]:
    return [(shown(group.path), f"{group.files:,}", size(group.size), shown(group.reason)) for group in groups]


def _table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]], style: str = "bold"
) -> None:
    if not rows:
        return
    console.print()
    console.print(title, style=style, highlight=False)
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for column in table.columns:
        column.overflow = "fold"
        if column.header in ("files", "size", "items"):
            column.justify = "right"
    for row in rows[:MOST_ROWS]:
        # Names of files are no markup.
        table.add_row(*(Text(cell) for cell in row))
    console.print(table, highlight=False)
    if len(rows) > MOST_ROWS:
        console.print(f"and {len(rows) - MOST_ROWS:,} more: --report FILE has them all", style="dim", highlight=False)


def _loud(console: Console, text: str) -> None:
    console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)
