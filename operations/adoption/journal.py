"""The record of an adoption in the new folder: which files it wrote, and what was in them."""

import contextlib
import fcntl
import json
import os
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from ..errors import UserError
from ..naming import shown
from .ownership import Owner, give
from .rules import JOURNAL

FORM = 1
# A path has at most 4,096 bytes, each of which may be written as an escape of six.
LONGEST_LINE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Written:
    """One file that an adoption wrote, or found with the same content.

    Args:
        size: its bytes.
        source_mtime_ns: when the old file was changed.
        target_mtime_ns: the same, as the new file system keeps it.
        sha256: of its content, hexadecimal.
    """

    size: int
    source_mtime_ns: int
    target_mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Move:
    """A file of the new folder that makes room for one of the old server.

    Args:
        path: where it was.
        place: where it is now, in the new folder too.
    """

    path: str
    place: str


@dataclass(frozen=True, slots=True)
class Record:
    """What earlier runs wrote.

    Args:
        server_id: of the server they adopted.
        files: by path; everything that was ever written there, since a run may die between saying so and doing it.
        moves: what they set aside, in that order; the last may only have been announced.
    """

    server_id: str
    files: Mapping[str, tuple[Written, ...]]
    moves: tuple[Move, ...] = ()


def read_record(target: Path) -> Record | None:
    """The record in a folder, or None when there is none. A last line that was cut off is no line.

    Raises:
        UserError: the record is there and is none.
    """
    path = target / JOURNAL
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    files: dict[str, tuple[Written, ...]] = {}
    moves: list[Move] = []
    server_id = ""
    for number, line in enumerate(lines[:-1]):
        try:
            content: dict[str, object] = json.loads(line)
            if number == 0:
                server_id = str(content["server_id"])
            elif "moved" in content:
                moves.append(Move(str(content["moved"]), str(content["place"])))
            elif "path" in content:
                name = str(content.pop("path"))
                files[name] = (*files.get(name, ()), Written(**content))  # pyright: ignore[reportArgumentType]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(
                f"expected the record of an adoption in {shown(str(path))}, cannot read its line {number + 1}. "
                "Adopt into an empty folder, or restore that file."
            ) from error
    return Record(server_id, files, tuple(moves)) if server_id else None


class Journal:
    """Appends to the record. A line is written before the file it tells of gets its name, so that a file that
    is there under its name is always known."""

    def __init__(self, content: FileIO) -> None:
        self._content = content

    def add(self, path: str, written: Written) -> None:
        """Say that a file is about to be there."""
        self._line({"path": path, **asdict(written)})

    def move(self, move: Move) -> None:
        """Say that a file is about to be set aside, and make it last: later runs know the folder by this."""
        self._line({"moved": move.path, "place": move.place})
        os.fsync(self._content.fileno())

    def finish(self, when: str) -> None:
        """Say that everything is there, and make it last."""
        self._line({"finished": when})
        os.fsync(self._content.fileno())

    def start(self, server_id: str) -> None:
        """The first line of a new record."""
        self._line({"adoption": FORM, "server_id": server_id})

    def _line(self, content: Mapping[str, object]) -> None:
        self._content.write(json.dumps(content).encode("ascii") + b"\n")
        self._content.flush()


@contextlib.contextmanager
def open_journal(target: Path, server_id: str, owner: Owner | None) -> Generator[Journal]:
    """The record, for this run alone.

    Raises:
        UserError: another run writes there now, or has adopted another server into it.
    """
    path = target / JOURNAL
    # Unbuffered: a line that was written is with the system, whatever happens to this process.
    with path.open("ab", buffering=0) as appended:
        try:
            fcntl.flock(appended, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another adoption writes to {shown(str(target))} now: wait until it has ended.") from error
        except OSError:
            # A file system without locks: then nobody else holds one.
            pass
        give(appended.fileno(), owner)
        _cut_torn_line(path)
        journal = Journal(appended)
        if path.stat().st_size == 0:
            journal.start(server_id)
        with path.open("rb") as content:
            adopted = json.loads(content.readline())["server_id"]
        if adopted != server_id:
            raise UserError(
                f"another run has begun to adopt the server {adopted} into {shown(str(target))} meanwhile: give "
                "another folder."
            )
        yield journal


def _cut_torn_line(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as content:
        content.seek(max(0, size - LONGEST_LINE_BYTES))
        tail = content.read()
    torn = len(tail) - (tail.rfind(b"\n") + 1)
    if torn:
        os.truncate(path, size - torn)
