"""Whether somebody else has the old server's database open, or writes to it."""

import fcntl
import os
import struct
import sys
from pathlib import Path

from ..errors import UserError
from .image import beside

# The byte of the -shm file that every open connection to a database with a write-ahead log holds a shared lock on
# (SQLite's walindex format: WALINDEX_LOCK_OFFSET 120, after 8 locks of a byte each).
OPEN_BYTE = 128
# struct flock of Linux: type, whence, start, length, pid.
FLOCK = struct.Struct("@hhlli")


def require_closed(path: Path) -> None:
    """Refuse a database that another process of this machine has open.

    Call it before this process opens the database: closing the file it looks at would drop this process's own locks.
    Only Linux tells, and only of processes on this machine; a server elsewhere shows by `Watch` when it writes.

    Raises:
        UserError: exit code 1; names the process.
    """
    shared = beside(path, "-shm")
    if sys.platform != "linux" or not shared.exists():
        return
    with shared.open("rb") as content:
        asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, OPEN_BYTE, 1, 0)
        kind, _, _, _, pid = FLOCK.unpack(fcntl.fcntl(content, fcntl.F_GETLK, asked))
    if kind != fcntl.F_UNLCK:
        raise UserError(
            f"expected {path} to be closed, found it open in process {pid}: a server still runs on it. Nothing was "
            "changed. Stop the old server, then try again."
        )


class Watch:
    """Notices that a database was written to since the watch began."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = _state(path)

    def require_unchanged(self) -> None:
        """See that nobody wrote.

        Raises:
            UserError: exit code 1.
        """
        if _state(self._path) != self._before:
            raise UserError(
                f"{self._path} was written to while it was being copied; the target is as it was. Stop the old "
                "server, then try again."
            )


def _state(path: Path) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for part in (path, beside(path, "-wal"), beside(path, "-journal")):
        try:
            status = part.stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found
