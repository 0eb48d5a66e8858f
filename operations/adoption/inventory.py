"""All that lies in the old folder, without following a link."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..progress import Progress
from .layout import OFFICIAL, Layout

CONFIG_PREFIX = "config/"
ENTRIES_A_REPORT = 5000
# What one block of st_blocks is, on every system.
STAT_BLOCK_BYTES = 512


class Kind(StrEnum):
    """What an entry of a folder is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    LEAVING_LINK = "link that leaves the folder"
    DEAD_LINK = "link that leads nowhere in the folder"
    SPECIAL = "special file"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link of the old server; two are equal when nothing was changed in between.

    Args:
        path: where it belongs in the new folder, with `/`.
        source: where it is.
        kind: what it is.
        size: bytes of a file, else 0.
        mtime_ns: when it was changed, but for folders, nanoseconds since 1970.
        mode: the permission bits.
        link: what a link says.
        allocated: bytes that a file takes on its disk.
        folder_mtime_ns: when a folder was changed.
    """

    path: str
    source: str
    kind: Kind
    size: int = 0
    mtime_ns: int = 0
    mode: int = 0
    link: str = ""
    allocated: int = field(default=0, compare=False)
    folder_mtime_ns: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found; a folder stands before what is in it.

    Args:
        entries: in the order of their paths, folder by folder.
        unreadable: what this user may not read: where it belongs, a folder with `/` at its end, and where it is.
    """

    entries: tuple[Entry, ...]
    unreadable: tuple[tuple[str, str], ...]


def take_inventory(layout: Layout, report: Progress) -> Inventory:
    """Look at everything below both folders. Nothing is opened but folders."""
    unreadable: list[tuple[str, str]] = []
    data, config = str(layout.data), str(layout.config)
    # In the official layout a link from one folder to the other stays true; elsewhere the folders move apart.
    nested = layout.kind == OFFICIAL and layout.config.parent == layout.data
    entries = [
        *_walk(data, "", _Bounds(data), frozenset({config, f"{data}/config"}), unreadable, report),
        _folder(layout.config.stat(), CONFIG_PREFIX.rstrip("/"), config),
        *_walk(
            config,
            CONFIG_PREFIX,
            _Bounds(data) if nested else _Bounds(config, data),
            frozenset({data}),
            unreadable,
            report,
        ),
    ]
    return Inventory(tuple(entries), tuple(unreadable))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Where a link may lead: below `root`, but not below `apart`, which comes to lie elsewhere."""

    root: str
    apart: str | None = None

    def hold(self, path: str) -> bool:
        return _below(path, self.root) and (self.apart is None or not _below(path, self.apart))


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root + "/")


def _walk(
    root: str, prefix: str, bounds: _Bounds, skip: frozenset[str], unreadable: list[tuple[str, str]], report: Progress
) -> Iterator[Entry]:
    # A stack of its own: folders may be nested deeper than Python calls.
    waiting: list[tuple[str, str]] = [(root, prefix)]
    seen = 0
    while waiting:
        folder, path = waiting.pop()
        try:
            with os.scandir(folder) as scanned:
                found = sorted(scanned, key=lambda one: one.name)
        except PermissionError:
            unreadable.append((path, folder))
            continue
        below: list[tuple[str, str]] = []
        for one in found:
            if one.path in skip:
                continue
            seen += 1
            if seen % ENTRIES_A_REPORT == 0:
                report(f"looking at the old folder: {seen:,} files", None)
            entry = _entry(one, path + one.name, bounds, unreadable)
            yield entry
            if entry.kind is Kind.FOLDER:
                below.append((one.path, path + one.name + "/"))
        waiting.extend(reversed(below))


def _entry(found: os.DirEntry[str], path: str, bounds: _Bounds, unreadable: list[tuple[str, str]]) -> Entry:
    about = found.stat(follow_symlinks=False)
    if stat.S_ISDIR(about.st_mode):
        return _folder(about, path, found.path)
    if stat.S_ISLNK(about.st_mode):
        target = str(Path(found.path).readlink())
        return Entry(path, found.path, _kind_of_link(found.path, target, bounds), link=target)
    if not stat.S_ISREG(about.st_mode):
        return Entry(path, found.path, Kind.SPECIAL)
    if not os.access(found.path, os.R_OK):
        unreadable.append((path, found.path))
    return Entry(
        path,
        found.path,
        Kind.FILE,
        about.st_size,
        about.st_mtime_ns,
        stat.S_IMODE(about.st_mode),
        allocated=about.st_blocks * STAT_BLOCK_BYTES,
    )


def _folder(about: os.stat_result, path: str, source: str) -> Entry:
    return Entry(path, source, Kind.FOLDER, mode=stat.S_IMODE(about.st_mode), folder_mtime_ns=about.st_mtime_ns)


def _kind_of_link(path: str, target: str, bounds: _Bounds) -> Kind:
    said = os.path.normpath(f"{Path(path).parent}/{target}")
    # An absolute link names a folder of the old machine, even where it stays inside.
    if not target.startswith("/") and bounds.hold(said) and bounds.hold(os.path.realpath(path)):
        return Kind.LINK
    return Kind.LEAVING_LINK if Path(path).exists() else Kind.DEAD_LINK
