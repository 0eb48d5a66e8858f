"""A new server's own files make room: each is renamed into one folder beside, nothing is deleted."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from ..naming import shown
from .folders import make_durable
from .journal import Journal, Move
from .ownership import Owner, give_path


def set_aside(target: Path, moves: Sequence[Move], journal: Journal, owner: Owner | None) -> None:
    """Rename each file, in this order. Killed at any moment, the next run goes on from there.

    Args:
        target: the new folder.
        moves: where each file goes; what is there is never replaced.
        journal: told before each rename.
        owner: whom the folders are given to.

    Raises:
        UserError: somebody wrote there since it was looked at.
    """
    for move in moves:
        path, place = target / move.path, target / move.place
        _make_folders(target, place.parent, owner)
        if os.path.lexists(place):
            raise UserError(f"{shown(str(place))} has appeared since it was looked at: run this again.")
        journal.move(move)
        path.rename(place)
        for folder in (place.parent, path.parent):
            make_durable(folder)


def _make_folders(target: Path, folder: Path, owner: Owner | None) -> None:
    missing = [parent for parent in (folder, *folder.parents) if target in parent.parents and not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir()
        give_path(parent, owner)
