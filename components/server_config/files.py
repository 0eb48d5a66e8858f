"""Files that are there whole or not at all, whoever is killed and whoever else writes them."""

import os
import time
from collections.abc import Callable
from pathlib import Path

# A server that runs writes its files by truncating them: what looks torn may only be half written yet.
SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.1

MODE = 0o644


def read(path: Path) -> bytes | None:
    """The content, or None when there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def settled(path: Path, whole: Callable[[bytes], bool], seconds: float = SETTLE_SECONDS) -> bytes | None:
    """The content as soon as it is whole, or whatever it still is after a time."""
    end = time.monotonic() + seconds
    while True:
        content = read(path)
        if content is None or whole(content) or time.monotonic() > end:
            return content
        time.sleep(POLL_SECONDS)


def write(path: Path, content: bytes) -> bool:
    """Makes the file this content in one step, durably; nothing is done when it has it.

    Two pods may do so at once: each writes a part of its own name, and the last one's rename counts.

    Returns:
        Whether it was changed.
    """
    if read(path) == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.uname().nodename}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else MODE)
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
