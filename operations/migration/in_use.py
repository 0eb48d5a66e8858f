"""Whether somebody else uses either side: the old server's file, or the new server's database."""

import fcntl
import os
import struct
import sys
import time
from pathlib import Path

from ..errors import UserError
from .image import beside
from .session import LOCK_SECONDS, Connection
from .silence import APPLICATION

POLL_SECONDS = 0.2
# Other sessions in this database, of this role or of the one that owns the server's tables, as whom servers connect.
# Arguments: the name of those that are this program's own.
# Rows: what each calls itself, and its address. The second statement lets the first look again in one transaction.
OTHERS = """
SELECT application_name, host(client_addr) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND (usename = current_user
        OR usesysid = (SELECT relowner FROM pg_class WHERE oid = to_regclass('public."BaseItems"')))
   AND backend_type = 'client backend' AND application_name <> %s
"""
LOOK_AGAIN = "SELECT pg_stat_clear_snapshot()"

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
    if sys.platform != "linux":
        return
    try:
        with shared.open("rb") as content:
            asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, OPEN_BYTE, 1, 0)
            kind, _, _, _, pid = FLOCK.unpack(fcntl.fcntl(content, fcntl.F_GETLK, asked))
    except OSError:
        # Not there, or not for us to look at; who then opens the database says what is wrong.
        return
    if kind != fcntl.F_UNLCK:
        raise UserError(
            f"expected {path} to be closed, found it open in process {pid}: a server still runs on it. Nothing was "
            "changed. Stop the old server, then try again."
        )


def other_sessions(connection: Connection) -> tuple[str, ...]:
    """Who else is connected as this role or as the tables' owner, servers most likely, in words."""
    connection.execute(LOOK_AGAIN)
    found = connection.execute(OTHERS, (APPLICATION,))
    return tuple(f"{name or 'unnamed'} from {address or 'here'}" for name, address in found)


def require_alone(connection: Connection) -> None:
    """Refuse a target that a server is connected to: it would go on with what it has cached, and write it back.

    Raises:
        UserError: exit code 1; somebody was still there after some seconds, in which what just ended goes.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while others := other_sessions(connection):
        if time.monotonic() > deadline:
            raise UserError(
                f"expected nobody else in the target, found {len(others)} other sessions of its role "
                f"({', '.join(sorted(set(others)))}). Nothing was changed. Stop every server that runs on the target, "
                "then try again."
            )
        time.sleep(POLL_SECONDS)


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
        except OSError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found
