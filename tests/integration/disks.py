"""Small disks of their own, to be filled."""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

BALLAST = "ballast"
CHUNK = b"\0" * (1 << 16)


@contextmanager
def small_disk(mebibytes: int, *, owner: str = "root") -> Generator[Path]:
    """An empty disk (in memory) for as long as the block runs; a folder of `owner`. Needs root."""
    root = Path(tempfile.mkdtemp(prefix="jellyfin-ha-disk-"))
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "jellyfin-ha-test", str(root)],
            check=True,
            timeout=10,
        )
        try:
            entry = pwd.getpwnam(owner)
            os.chown(root, entry.pw_uid, entry.pw_gid)
            yield root
        finally:
            subprocess.run(["umount", "--lazy", str(root)], check=True, timeout=10)
    finally:
        root.rmdir()


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with (disk / BALLAST).open("ab", buffering=0) as ballast:
        for chunk in (CHUNK, b"\0"):
            try:
                while True:
                    ballast.write(chunk)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def make_room(disk: Path) -> None:
    """Undo `fill`."""
    (disk / BALLAST).unlink(missing_ok=True)
