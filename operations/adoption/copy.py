"""One file from the old folder to the new one: whole under its name, or not there."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from ..errors import UserError
from ..naming import shown
from .inventory import Entry
from .journal import Journal, Written
from .ownership import Owner, give
from .rules import PART_PREFIX, PART_SUFFIX
from .target import digest_of

CHUNK_BYTES = 1 << 20
ZEROS = bytes(CHUNK_BYTES)
# The new servers must be able to write what they own, whatever the old one's bits were.
OWNER_READS_AND_WRITES = 0o600
PERMISSIONS = 0o777

CHANGED = (
    "{path} was changed while it was copied: the old server still runs. Stop it and run this again; what has been "
    "copied is kept."
)


WRITTEN_THERE = (
    "{path} was written while this copied: a new server runs on that folder, or another run copies there. Stop it "
    "and run this again; what has been copied is kept."
)


def part_of(place: Path) -> Path:
    """Where a file is written before it gets its name: the same at each try, so that none is left behind."""
    return place.with_name(f"{PART_PREFIX}{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:16]}{PART_SUFFIX}")


def copy_file(
    entry: Entry,
    target: Path,
    owner: Owner | None,
    journal: Journal,
    moved: Callable[[int], None],
    found: tuple[int, int] | None = None,
) -> None:
    """Copy one file, read it back, compare, and only then give it its name.

    Args:
        entry: the file.
        target: the new folder.
        owner: whom the copy is given to.
        journal: told before the file gets its name.
        moved: called with the bytes of each piece.
        found: size and time of the file that was found in its place and may be replaced, or None.

    Raises:
        UserError: the file changed meanwhile, or somebody wrote in its place, or what was read back is not what was
            written.
            The same for what a file system refuses; nothing is left under the file's name.
    """
    place = target / entry.path
    part = part_of(place)
    try:
        written = _write(entry, part, owner, moved)
        if digest_of(part) != written.sha256:
            raise UserError(
                f"{shown(entry.path)} was written to {shown(str(target))} and comes back with another content: that "
                "storage cannot be trusted. Nothing has the file's name there."
            )
        if _there(place) not in (None, found):
            raise UserError(WRITTEN_THERE.format(path=shown(str(place))))
        journal.add(entry.path, written)
        part.replace(place)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(
                f"cannot copy {shown(entry.path)}: {error.strerror}. Mend that and run this again; what has been "
                "copied is kept."
            ) from error
        raise


def _there(place: Path) -> tuple[int, int] | None:
    try:
        about = place.lstat()
    except FileNotFoundError:
        return None
    return about.st_size, about.st_mtime_ns


def _write(entry: Entry, part: Path, owner: Owner | None, moved: Callable[[int], None]) -> Written:
    try:
        reading = FileIO(os.open(entry.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
    except FileNotFoundError as error:
        raise UserError(CHANGED.format(path=shown(entry.source))) from error
    with reading, FileIO(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "r+") as writing:
        digest = _pour(reading, writing, moved)
        about = os.fstat(reading.fileno())
        if (about.st_size, about.st_mtime_ns) != (entry.size, entry.mtime_ns):
            raise UserError(CHANGED.format(path=shown(entry.source)))
        give(writing.fileno(), owner)
        os.fchmod(writing.fileno(), entry.mode & PERMISSIONS | OWNER_READS_AND_WRITES)
        os.utime(writing.fileno(), ns=(about.st_atime_ns, entry.mtime_ns))
        os.fsync(writing.fileno())
        if sys.platform == "linux":
            # What is read back shall come from the storage, not from this machine's memory.
            os.posix_fadvise(writing.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        kept = os.fstat(writing.fileno())
    return Written(entry.size, entry.mtime_ns, kept.st_mtime_ns, digest)


def _pour(reading: FileIO, writing: FileIO, moved: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    while piece := reading.read(CHUNK_BYTES):
        digest.update(piece)
        # A piece of zeros becomes a hole: a file that takes little room here takes little there.
        if piece == ZEROS[: len(piece)]:
            writing.seek(len(piece), os.SEEK_CUR)
        else:
            left = memoryview(piece)
            while left:
                left = left[writing.write(left) :]
        moved(len(piece))
    writing.truncate()
    return digest.hexdigest()
