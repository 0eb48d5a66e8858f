"""Why an adoption does not begin: each reason with what was found and what to do."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from ..migration.in_use import require_closed
from ..naming import shown, size
from .inventory import Entry
from .journal import Move, Record
from .media import PathCheck
from .newcomer import Settled
from .target import Conflict

NAMES_IN_A_MESSAGE = 8


def adopted_other(target: Path, server_id: str, record: Record | None) -> str | None:
    """Another server was adopted into the new folder, or had begun to be."""
    if record is None or record.server_id == server_id:
        return None
    return (
        f"expected {shown(str(target))} to be empty or to hold the server {server_id}, found that the server "
        f"{record.server_id} was adopted into it, or had begun to be: give another folder"
    )


def settled(target: Path, server_id: str, found: Settled, moved: Sequence[Move]) -> str:
    """The new folder holds another server, which may be in use."""
    places = sorted({move.place.split("/")[0] for move in moved})
    earlier = f" An earlier run has set files of it aside in {', '.join(places)}." if places else ""
    return (
        f"expected {shown(str(target))} to be empty, or to hold the server {server_id} or a new one that nobody has "
        f"set up, found {f'the server {found.id}' if found.id else 'another server'}: {found.reason}.{earlier} If "
        "nobody needs that server: stop it, empty the folder but for config/database.xml and what its image put in "
        "plugins/, and run this again. Otherwise give another folder."
    )


def still_open(database: Path) -> str | None:
    """A process of this machine has the old server's database open."""
    try:
        require_closed(database)
    except UserError as error:
        return str(error)
    except OSError:
        return None  # This user may not look: then the paths of media are not checked either, and that is said.
    return None


def unreadable(paths: Sequence[str]) -> str | None:
    """Files that this user may not read."""
    return f"this user may not read {_some(paths)}: run it as root, or as the old server's user" if paths else None


def conflicts(target: Path, found: Sequence[Conflict]) -> str | None:
    """Files in the new folder that no adoption of this server wrote."""
    if not found:
        return None
    return (
        f"{shown(str(target))} holds what no adoption of this server wrote, and nothing there is overwritten: "
        f"{_some([str(conflict) for conflict in found], '; ')}. Give an empty folder, or move these away if nobody "
        "needs them."
    )


def leaving_links(found: Sequence[Entry]) -> str | None:
    """Links to something that is not in the old folder."""
    if not found:
        return None
    named = [f"{shown(entry.path)} -> {shown(entry.link)}" for entry in found]
    return (
        f"links lead out of the old folder, and what they lead to would be missing: {_some(named, '; ')}. Mount or "
        "copy that in the links' place, or go on without with --leave-out-links."
    )


def no_room(target: Path, needed: int, free: int) -> str | None:
    """The new folder's file system is too small."""
    if needed <= free:
        return None
    return f"{shown(str(target))} needs room for {size(needed)}, and has {size(free)}: make room or give another folder"


def unwritable(places: Sequence[Path]) -> str | None:
    """Folders of the new servers that this user may not write to."""
    if not places:
        return None
    return (
        f"this user may not write to {_some([str(place) for place in places])}: run it as root or as their owner, and "
        "see that the volume is not mounted read-only"
    )


def not_own(folders: Sequence[Path]) -> str | None:
    """Folders of the new servers whose times this user cannot set."""
    if not folders:
        return None
    return (
        f"{_some([str(folder) for folder in folders])} belong to another user, and only that one or root can set their "
        "times: run it as one of these"
    )


def media_elsewhere(paths: PathCheck) -> str | None:
    """Items whose files the new servers will not find."""
    counts = (
        (sum(group.items for group in paths.outside), "lie under no folder that the new servers have media in"),
        (sum(group.items for group in paths.missing), "have no file on this machine"),
    )
    found = " and ".join(f"{count:,} items {what}" for count, what in counts if count)
    if not found:
        return None
    return (
        f"{found}. Jellyfin knows an item by its path: a new server takes these for gone, with their watch state. "
        "Mount the media at the old paths, name every folder with --media, or go on with --accept-paths."
    )


def _some(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - NAMES_IN_A_MESSAGE} more" if len(names) > NAMES_IN_A_MESSAGE else ""
    return separator.join(shown(name) for name in names[:NAMES_IN_A_MESSAGE]) + more
