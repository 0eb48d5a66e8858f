"""Makes the sample library once, and finds it again."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jellyfin_ha.operations.progress import Progress

from .database import write_database
from .media import ffmpeg_version, make_media
from .recipe import recipe_hash
from .users import SAMPLE_USERS, SampleUser


@dataclass(frozen=True)
class SampleLibrary:
    """Where the sample library lies.

    Args:
        media: the folder that servers see as `/media`.
        database: the single server's `jellyfin.db`.
        users: who can log in.
    """

    media: Path
    database: Path
    users: tuple[SampleUser, ...]


def ensure(cache: Path, progress: Progress) -> SampleLibrary:
    """Makes the sample library in a cache folder, or finds it there.

    Args:
        cache: folder that holds one result for each recipe; made if missing.
        progress: told what is being made.

    Raises:
        UserError: ffmpeg is missing or failed; nothing half made stays.
    """
    place = cache / f"library-{recipe_hash(ffmpeg_version())}"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".library-", dir=cache))
        try:
            make_media(scratch / "media", progress)
            progress("sample library: jellyfin.db", 1.0)
            write_database(scratch / "jellyfin.db", scratch / "media")
            # Servers run as other users and must be able to read it.
            scratch.chmod(0o755)
            _move(scratch, place)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return SampleLibrary(place / "media", place / "jellyfin.db", SAMPLE_USERS)


def _move(scratch: Path, place: Path) -> None:
    try:
        scratch.rename(place)
    except OSError:
        # Somebody else made the same at the same time: theirs is as good.
        if not place.is_dir():
            raise
