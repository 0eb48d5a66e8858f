"""Whether this user may do in the new folder what an adoption does there; nothing is tried, so nothing is written."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .destination import Destination
from .inventory import Entry, Kind
from .ownership import Owner
from .rules import JOURNAL

# Linux' capabilities(7): the numbers of the rights to give files away, and to set their times.
CHOWN = 0
FOWNER = 3
STATUS = Path("/proc/self/status")
# proc(5): the third field is a mount's device; the first after the hyphen is the file system's type.
MOUNTS = Path("/proc/self/mountinfo")
LOCAL_FILE_SYSTEMS = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})


def unwritable(found: Destination) -> tuple[Path, ...]:
    """Folders that a file cannot be made in or moved out of, and a record that cannot be continued."""
    record = found.folder / JOURNAL
    refusing = [folder for folder in sorted(set(_written_folders(found))) if not os.access(folder, os.W_OK | os.X_OK)]
    if record.exists() and not os.access(record, os.R_OK | os.W_OK):
        refusing.append(record)
    return tuple(refusing)


def not_own_folders(found: Destination, copied: Iterable[Entry]) -> tuple[Path, ...]:
    """Folders that are there already and whose times this user cannot set, as far as that can be told."""
    if _may(FOWNER) or not _decided_here(found.folder):
        return ()
    folders = (found.folder / entry.path for entry in copied if entry.kind is Kind.FOLDER)
    return tuple(folder for folder in folders if folder.is_dir() and folder.stat().st_uid != os.geteuid())


def may_give(found: Destination, copied: Iterable[Entry], owner: Owner) -> bool:
    """Whether this user can give everything to an owner, as far as that can be told without trying."""
    if _may(CHOWN) or not _decided_here(found.folder):
        return True
    # In a folder that hands its group on, a file has that already.
    groups = {os.getegid(), *os.getgroups(), _there(found.folder).stat().st_gid}
    if owner.uid != os.geteuid() or owner.gid not in groups:
        return False
    present = (found.folder / path for path in (JOURNAL, *(entry.path for entry in copied)))
    return all(path.lstat().st_uid == owner.uid for path in present if os.path.lexists(path))


def _written_folders(found: Destination) -> Iterator[Path]:
    yield _there(found.folder)
    for folder in {(found.folder / entry.path).parent for entry in found.comparison.missing}:
        yield _there(folder)
    for move in found.moves:
        yield (found.folder / move.path).parent
        yield _there((found.folder / move.place).parent)


def _there(folder: Path) -> Path:
    """The folder, or the innermost one above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _may(capability: int) -> bool:
    """Whether this process has a right that root has, and may have lost in a container."""
    try:
        status = STATUS.read_text("utf-8", "replace")
    except OSError:
        return os.geteuid() == 0
    (held,) = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return bool(int(held, 16) >> capability & 1)


def _decided_here(folder: Path) -> bool:
    """Whether this system decides by owners who may do what. A server of files may map users, and decides itself."""
    device = _there(folder).stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = [line.split() for line in MOUNTS.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return False
    kinds = {fields[fields.index("-") + 1] for fields in mounts if fields[2] == number}
    return bool(kinds) and kinds <= LOCAL_FILE_SYSTEMS
