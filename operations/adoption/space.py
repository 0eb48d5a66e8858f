"""Whether the new folder has room."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from .inventory import Entry

# What a file takes at least, on the file systems that people have; a folder or link counts as much.
BLOCK_BYTES = 4096
# Below this a file is no sparse one, and what its disk says of it may be nothing (small files in the inode).
SPARSE_FROM_BYTES = 1 << 20


def bytes_needed(entries: Iterable[Entry]) -> int:
    """Room for these entries; holes of large files take none."""
    return sum(_room(entry) for entry in entries)


def bytes_free(target: Path) -> int:
    """Room where a folder is, or will be made."""
    return shutil.disk_usage(target if target.exists() else target.parent).free


def _room(entry: Entry) -> int:
    whole = -(-max(entry.size, 1) // BLOCK_BYTES) * BLOCK_BYTES
    return whole if entry.size < SPARSE_FROM_BYTES else min(whole, max(entry.allocated, BLOCK_BYTES))
