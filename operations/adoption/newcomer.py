"""The new server that made its schema on the new folder, and whether anybody has set it up since."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from ..errors import UserError
from ..naming import shown
from .documents import Unreadable, read_document
from .journal import Move, Record
from .layout import DEVICE, read_server_id
from .rules import KEPT, SET_ASIDE_PREFIX
from .target import Conflict

SYSTEM = "config/system.xml"
SETTINGS_ROOT = "ServerConfiguration"
WIZARD = "IsStartupWizardCompleted"
MARKER_PREFIX = ".jellyfin-"

# A server whose system.xml was lost says that nobody has set it up, as a new one does. What tells them apart: a new
# one has no library, no file in these folders, which it makes, and no database but PostgreSQL.
LIBRARIES = "root/default"
WITHOUT_FILES = ("config/users", "data/playlists", "data/collections", "metadata")
OLD_DATABASE = "data/jellyfin.db"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A new server that nobody has set up.

    Args:
        id: its own.
    """

    id: str

    @property
    def folder(self) -> str:
        """Where its files go when they are in the way."""
        return SET_ASIDE_PREFIX + self.id


@dataclass(frozen=True, slots=True)
class Settled:
    """A server whose files are not to be moved.

    Args:
        id: its own, or nothing when that cannot be told.
        reason: what shows that somebody may need them, for people.
    """

    id: str
    reason: str


def find_newcomer(target: Path, server_id: str, record: Record | None) -> Newcomer | Settled | None:
    """Tell whose the new folder is, without changing it. Any doubt counts for `Settled`.

    Args:
        target: the new folder.
        server_id: of the server that is to be adopted.
        record: of earlier runs; once one of them has copied a file, nothing there is taken for a new server's.

    Returns:
        None when no other server is there.
    """
    if record is not None and (record.server_id != server_id or record.files):
        return None
    moved = {move.path: move.place for move in record.moves} if record else {}
    if os.path.lexists(target / DEVICE):
        try:
            found = read_server_id(target)
        except UserError:
            return Settled("", f"its {DEVICE} holds no id")
    elif DEVICE in moved:
        found = moved[DEVICE].split("/")[0].removeprefix(SET_ASIDE_PREFIX)
    else:
        return None
    if found == server_id:
        return None
    reason = _set_up(target / SYSTEM, SYSTEM in moved) or _in_use(target)
    return Settled(found, reason) if reason else Newcomer(found)


def moves_for(target: Path, newcomer: Newcomer, conflicts: tuple[Conflict, ...]) -> tuple[Move, ...]:
    """Where each file that is in the way goes: below one folder, under the same path, never over another file.

    The good copies of its settings go first, before a server could put one back. The id goes last and system.xml before
    it: a server that starts after a run was killed in between is then still the same one, still says whether somebody
    has set it up, and all of its files come into one folder.
    """
    kept = [KEPT] if (target / KEPT).is_dir() else []
    last = (SYSTEM, DEVICE)
    paths = [conflict.entry.path for conflict in conflicts]
    ordered = [*kept, *(path for path in paths if path not in last), *(path for path in last if path in paths)]
    return tuple(Move(path, _free(target, f"{newcomer.folder}/{path}")) for path in ordered)


def _free(target: Path, place: str) -> str:
    names = chain([place], (f"{place}.{number}" for number in count(2)))
    return next(name for name in names if not os.path.lexists(target / name))


def _set_up(system: Path, moved: bool) -> str:
    if not os.path.lexists(system):
        return "" if moved else f"it has no {SYSTEM}, which would say whether somebody has set it up"
    root = read_document(system)
    if isinstance(root, Unreadable):
        return f"its {SYSTEM} cannot be read: {root.reason}"
    said = [(element.text or "").strip().lower() for element in root.findall(WIZARD)]
    if root.tag == SETTINGS_ROOT and said == ["false"]:
        return ""
    return f"its {SYSTEM} does not say that it is still to be set up"


def _in_use(target: Path) -> str:
    if os.path.lexists(target / OLD_DATABASE):
        return f"it keeps a library in {OLD_DATABASE}"
    used = chain(_libraries(target / LIBRARIES), *(_files(target / folder) for folder in WITHOUT_FILES))
    found = next(used, None)
    return f"somebody's files are in it, such as {shown(str(found.relative_to(target)))}" if found else ""


def _libraries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if not path.name.startswith(MARKER_PREFIX))


def _files(folder: Path) -> Iterator[Path]:
    """What is no folder, at any depth."""
    if not folder.is_dir():
        return
    for place, folders, files in os.walk(folder, onerror=_fail):
        here = Path(place)
        yield from (here / name for name in files if not name.startswith(MARKER_PREFIX))
        yield from (here / name for name in folders if (here / name).is_symlink())


def _fail(error: OSError) -> None:
    # os.walk would pass over a folder that it cannot look into.
    raise error
