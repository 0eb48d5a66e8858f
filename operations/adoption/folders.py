"""Folders of the new server's volume."""

import os
from pathlib import Path


def make_durable(folder: Path) -> None:
    """Return only when the names in a folder outlive a loss of power."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
