"""The new folder: whose it is, what of the old server is there already, and what has to make room."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UserError
from ..naming import shown
from ..progress import Progress
from . import refusals
from .inventory import Entry
from .journal import Move, Record, read_record
from .layout import Layout
from .newcomer import Newcomer, Settled, find_newcomer, moves_for
from .target import Comparison, compare


@dataclass(frozen=True, slots=True)
class Destination:
    """What was found in the new folder, and what an adoption does there.

    Args:
        folder: the new folder, with no link in its path.
        comparison: what of the old server is there, and what is to be copied.
        newcomer: a new server that nobody has set up and whose files make room; or None.
        moves: its files that are in the way, in the order in which they go.
        moved: what earlier runs have set aside.
        refusals: why nothing can be copied there.
    """

    folder: Path
    comparison: Comparison
    newcomer: Newcomer | None
    moves: tuple[Move, ...]
    moved: tuple[Move, ...]
    refusals: tuple[str, ...]


def find_target(target: Path, layout: Layout) -> Path:
    """The new folder without links in its path; it need not exist.

    Raises:
        UserError: exit code 2: it is no folder, or not apart from the old one.
    """
    if target.exists() and not target.is_dir():
        raise UserError(f"expected --to with a folder, found a file: {shown(str(target))}", exit_code=2)
    if not target.exists() and not target.absolute().parent.is_dir():
        raise UserError(
            f"expected --to with a folder, or a new one in a folder that exists; {shown(str(target.parent))} does not. "
            "Is the volume mounted?",
            exit_code=2,
        )
    resolved = target.resolve()
    for folder in (layout.data, layout.config):
        if resolved == folder or resolved in folder.parents or folder in resolved.parents:
            raise UserError(
                f"expected two folders apart from each other, found {shown(str(folder))} and {shown(str(resolved))}: "
                "the old folder is never changed, so the new one must lie elsewhere",
                exit_code=2,
            )
    return resolved


def look_at(folder: Path, server_id: str, copied: tuple[Entry, ...] | None, report: Progress) -> Destination:
    """Compare the new folder with what is to be copied. Writes nothing.

    Args:
        folder: the new folder.
        server_id: of the server that is to be adopted.
        copied: what is to be there; None when that cannot be read.
        report: told which file is compared.
    """
    record = read_record(folder)
    # The last one may only have been announced.
    moved = tuple(move for move in record.moves if os.path.lexists(folder / move.place)) if record else ()
    refusal = refusals.adopted_other(folder, server_id, record)
    there = None if refusal else find_newcomer(folder, server_id, record)
    if isinstance(there, Settled):
        refusal = refusals.settled(folder, server_id, there, moved)
    if refusal is not None or copied is None or isinstance(there, Settled):
        return Destination(folder, Comparison(), None, (), moved, (refusal,) if refusal else ())
    comparison = compare(folder, copied, record, report)
    moves: tuple[Move, ...] = ()
    if there is not None:
        comparison, moves = _make_room(folder, there, comparison)
    refusal = refusals.conflicts(folder, comparison.conflicts)
    return Destination(folder, comparison, there, moves, moved, (refusal,) if refusal else ())


def require_still(destination: Destination, server_id: str, record: Record | None) -> None:
    """See, before files are set aside, that the new server is still one that nobody has set up.

    Raises:
        UserError: it was set up, or adopted into, since it was looked at.
    """
    if find_newcomer(destination.folder, server_id, record) != destination.newcomer:
        raise UserError(
            f"{shown(str(destination.folder))} was written since it was looked at: a new server runs on it. Stop it "
            "and run this again."
        )


def _make_room(folder: Path, newcomer: Newcomer, found: Comparison) -> tuple[Comparison, tuple[Move, ...]]:
    files = tuple(conflict for conflict in found.conflicts if conflict.is_file)
    others = tuple(conflict for conflict in found.conflicts if not conflict.is_file)
    missing = (*found.missing, *(conflict.entry for conflict in files))
    return replace(found, missing=missing, conflicts=others), moves_for(folder, newcomer, files)
