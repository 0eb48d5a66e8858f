"""What the new folder holds already, and whether any of it is somebody else's."""

import hashlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..naming import shown
from ..progress import Progress
from .inventory import Entry, Kind
from .journal import Record, Written


@dataclass(frozen=True, slots=True)
class Conflict:
    """What is in the place of an entry and differs.

    Args:
        entry: what belongs there.
        reason: what is there instead, for people.
        is_file: whether it is a plain file in the new folder's own file system, which could be moved within that.
    """

    entry: Entry
    reason: str
    is_file: bool = False

    def __str__(self) -> str:
        return f"{shown(self.entry.path)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The new folder against what is to be copied.

    Args:
        missing: entries to copy.
        known: how many files are there and done.
        same: files that are there with the same content, though no adoption wrote them; with their record.
        conflicts: what is there and differs.
        replaced: size and time of files that an earlier run wrote and that are among the missing, by path.
    """

    missing: tuple[Entry, ...] = ()
    known: int = 0
    same: tuple[tuple[Entry, Written], ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    replaced: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    @property
    def files(self) -> tuple[Entry, ...]:
        """The files to copy."""
        return tuple(entry for entry in self.missing if entry.kind is Kind.FILE)


def compare(target: Path, copied: tuple[Entry, ...], record: Record | None, report: Progress) -> Comparison:
    """Look at every place that an entry would take. Writes nothing.

    A file counts as done when the record has it with the size and time that both sides still have. One whose size or
    time differs is read: it may be replaced when an adoption wrote exactly what is there.
    """
    if not target.exists():
        return Comparison(copied)
    device = target.stat().st_dev
    missing: list[Entry] = []
    same: list[tuple[Entry, Written]] = []
    conflicts: list[Conflict] = []
    replaced: dict[str, tuple[int, int]] = {}
    known = 0
    for entry in copied:
        place = target / entry.path
        try:
            about = place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            missing.append(entry)
            continue
        if entry.kind is Kind.FOLDER:
            if not stat.S_ISDIR(about.st_mode):
                conflicts.append(Conflict(entry, "a folder here, something else there"))
        elif entry.kind is Kind.LINK:
            if not (stat.S_ISLNK(about.st_mode) and str(place.readlink()) == entry.link):
                conflicts.append(Conflict(entry, "a link here, something else there"))
        elif not stat.S_ISREG(about.st_mode):
            conflicts.append(Conflict(entry, "a file here, something else there"))
        else:
            written = record.files.get(entry.path, ()) if record else ()
            if any(_unchanged(each, entry, about.st_size, about.st_mtime_ns) for each in written):
                known += 1
                continue
            report(f"comparing {shown(entry.path)}", None)
            there = digest_of(place)
            if about.st_size == entry.size and there == digest_of(Path(entry.source)):
                same.append((entry, Written(entry.size, entry.mtime_ns, about.st_mtime_ns, there)))
            elif there in {each.sha256 for each in written}:
                missing.append(entry)
                replaced[entry.path] = (about.st_size, about.st_mtime_ns)
            else:
                reason = "was changed since it was adopted" if written else "has another content there"
                conflicts.append(Conflict(entry, reason, about.st_dev == device))
    return Comparison(tuple(missing), known, tuple(same), tuple(conflicts), replaced)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _unchanged(written: Written, entry: Entry, size: int, mtime_ns: int) -> bool:
    return (written.size, written.source_mtime_ns, written.target_mtime_ns) == (
        entry.size,
        entry.mtime_ns,
        mtime_ns,
    ) and size == entry.size
