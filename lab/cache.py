"""Where the lab keeps what is slow to make, and how that stays whole when a run is interrupted or two run at once."""

import fcntl
import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

LOCK_POLL_SECONDS = 0.5
GIB = 1024**3


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The folder for everything that is kept between runs and checkouts; it need not exist.

    `JELLYFIN_HA_CACHE`, else `$XDG_CACHE_HOME/jellyfin-ha`, else `~/.cache/jellyfin-ha`.
    """
    variables = os.environ if environment is None else environment
    if chosen := variables.get("JELLYFIN_HA_CACHE"):
        return Path(chosen).absolute()
    base = variables.get("XDG_CACHE_HOME")
    return (Path(base).absolute() if base else Path.home() / ".cache") / "jellyfin-ha"


@contextmanager
def locked(path: Path, progress: Progress, *, what: str, seconds: float) -> Generator[None]:
    """Hold the lock file `path` for the block, so that two runs do not make `what` at once.

    The kernel frees the lock when its holder dies, however it dies.

    Args:
        path: the lock file; made when missing, never removed.
        progress: told when another run holds the lock.
        what: what the lock guards, for messages ("the toolchain").
        seconds: how long to wait for the other run.

    Raises:
        UserError: the other run still held it after `seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with path.open("a") as lock:
        told = False
        while not _try_lock(lock.fileno()):
            if not told:
                progress(f"another run is making {what}; waiting for it", None)
                told = True
            if time.monotonic() > deadline:
                raise UserError(
                    f"Another run has been making {what} for more than {seconds:g} s and still holds {path}.\n"
                    "Wait for it, or end it, and run this again."
                )
            time.sleep(LOCK_POLL_SECONDS)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def filling(target: Path) -> Generator[Path]:
    """An empty folder to fill; it becomes `target` when the block ends well, and vanishes when it does not.

    `target` therefore either does not exist or is whole. Leftovers of runs that were killed are removed
    first: hold a lock that covers `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}."
    for leftover in target.parent.glob(f"{prefix}*"):
        remove_tree(leftover)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    work.chmod(0o755)
    try:
        yield work
        work.rename(target)
    finally:
        remove_tree(work)


def remove_tree(folder: Path) -> None:
    """Delete a folder with all that is in it, and never what is mounted below it; one that is gone is no error.

    A program that was killed may have left a bind mount of the machine's own /dev or /sys in a half-built file
    system: deleting across it would delete there.

    Raises:
        UserError: something is mounted below it; nothing was deleted.
    """
    if found := mounts_below(folder, Path("/proc/self/mountinfo").read_text()):
        points = "".join(f"\n  umount {shlex.quote(str(point))}" for point in reversed(found))
        raise UserError(
            f"{folder} is a leftover that would be deleted, but file systems are mounted in it. Unmount them and "
            f"run this again:{points}"
        )
    shutil.rmtree(folder, ignore_errors=True)


def mounts_below(folder: Path, mountinfo: str) -> list[Path]:
    """The mount points at or below a folder.

    Args:
        folder: any path; symbolic links that lead to it are followed.
        mountinfo: the content of /proc/self/mountinfo, where white space is written as octal escapes.
    """
    real = folder.resolve()
    fields = (line.split(" ")[4] for line in mountinfo.splitlines())
    points = (Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)) for field in fields)
    return [point for point in points if point.is_relative_to(real)]


def need_space(folder: Path, needed: int, *, what: str) -> None:
    """Refuse to start what the disk cannot hold.

    Args:
        folder: where it will be written; need not exist.
        needed: bytes.
        what: for the message ("building the toolchain").

    Raises:
        UserError: fewer than `needed` bytes are free there (exit code 2).
    """
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise UserError(
            f"Too little disk for {what}: {needed / GIB:.1f} GiB are needed under {folder}, "
            f"{free / GIB:.1f} GiB are free.\nFree some, or set JELLYFIN_HA_CACHE, GOCACHE and GOMODCACHE to folders "
            "on a larger disk.",
            exit_code=2,
        )
