"""The fingerprint of a library: the same as long as nobody writes to it, wherever its latest pages lie."""

import hashlib
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError

CHUNK_BYTES = 1 << 20
# SQLite's file format, section 4.1 "WAL File Format": a header, then frames of a header and a page each.
WAL_HEADER = struct.Struct(">4I 4I")
FRAME_HEADER = struct.Struct(">2I 2I 2I")
WAL_MAGIC = frozenset({0x377F0682, 0x377F0683})


def beside(path: Path, suffix: str) -> Path:
    """A file that SQLite keeps beside a database, where the file itself lies: `-wal`, `-shm` or `-journal`."""
    real = path.resolve()
    return real.with_name(real.name + suffix)


def fingerprint(path: Path) -> str:
    """The SHA-256 of a database's pages as its readers see them: those in the write-ahead log are in their places.

    So it stays the same when the log is moved into the file. A GB takes about a second. The checksums of the log's
    frames are not computed, only their salts compared.

    Returns:
        `sha256:` and 64 hexadecimal digits.

    Raises:
        UserError: exit code 2 when the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with ExitStack() as files:
            for piece in _pieces(path, files):
                for chunk in piece.chunks():
                    digest.update(chunk)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}. Check its disk.", exit_code=2) from error
    return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True)
class _Piece:
    """Bytes of an open file, to its end when `end` is None."""

    content: BinaryIO
    start: int
    end: int | None

    def chunks(self) -> Iterator[bytes]:
        self.content.seek(self.start)
        while True:
            left = CHUNK_BYTES if self.end is None else min(CHUNK_BYTES, self.end - self.content.tell())
            chunk = self.content.read(left) if left > 0 else b""
            if not chunk:
                return
            yield chunk


def _pieces(path: Path, files: ExitStack) -> Iterator[_Piece]:
    content = files.enter_context(path.open("rb"))
    log = beside(path, "-wal")
    frames = files.enter_context(log.open("rb")) if log.exists() else None
    page_size, pages, count = _committed(frames) if frames else (0, {}, 0)
    here = 0
    for page, place in sorted(pages.items()):
        if frames is None or page > count:
            break
        start = (page - 1) * page_size
        yield _Piece(content, here, start)
        yield _Piece(frames, place, place + page_size)
        here = start + page_size
    yield _Piece(content, here, count * page_size if count else None)


def _committed(frames: BinaryIO) -> tuple[int, Mapping[int, int], int]:
    """The page size, where in the log each page's latest committed form lies, and how many pages there are then."""
    header = frames.read(WAL_HEADER.size)
    if len(header) < WAL_HEADER.size:
        return 0, {}, 0
    magic, _, page_size, _, *salts, _, _ = WAL_HEADER.unpack(header)
    if magic not in WAL_MAGIC:
        return 0, {}, 0
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    last_page = 0
    while len(frame := frames.read(FRAME_HEADER.size)) == FRAME_HEADER.size:
        page, size_after_commit, *frame_salts, _, _ = FRAME_HEADER.unpack(frame)
        if frame_salts != salts:
            break
        pending[page] = frames.tell()
        frames.seek(page_size, 1)
        if size_after_commit:
            committed |= pending
            pending = {}
            last_page = size_after_commit
    return page_size, committed, last_page
