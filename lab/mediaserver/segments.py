"""Answers a request for one segment: from a file, from a running encoder, or from one started for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from .encoding import Encoding
from .transcode import POLL_SECONDS, TranscodeJob, TranscodeManager
from .wire import TICKS_PER_SECOND, text_error

# An encoder that is this far behind a requested segment is not waited for.
MAX_GAP_SECONDS = 24


@dataclass(frozen=True)
class SegmentRequest:
    """Which segment of which transcode, for whom."""

    encoding: Encoding
    name: str
    number: int
    device_id: str
    play_session_id: str


@dataclass(frozen=True)
class Segment:
    """A file that may be sent, and the job that wrote it, if it was written here."""

    path: Path
    job: TranscodeJob | None


async def find_segment(
    manager: TranscodeManager, wanted: SegmentRequest, is_gone: Callable[[], Awaitable[bool]]
) -> Segment:
    """Waits until a segment is complete.

    Without a time limit, as in Jellyfin: until the file and its successor exist, the encoder ends, or the client
    is gone.

    Args:
        is_gone: whether the client has hung up.

    Raises:
        ApiError: 500 when ffmpeg failed, 404 when it ended without this segment.
    """
    path = manager.stem(f"{wanted.name}{wanted.number}.ts")
    job = manager.job(wanted.name)
    if not path.exists():
        async with manager.lock(wanted.name):
            job = manager.job(wanted.name)
            if not path.exists() and _must_start(job, wanted):
                job = await manager.start(
                    wanted.encoding, wanted.name, wanted.number, wanted.device_id, wanted.play_session_id
                )
    successor = manager.stem(f"{wanted.name}{wanted.number + 1}.ts")
    # No job here and a file there: it is taken as it is (a folder shared with another process).
    while job is not None and not job.has_exited and not (path.exists() and successor.exists()):
        if await is_gone():
            break
        await asyncio.sleep(POLL_SECONDS)
    if path.exists():
        return Segment(path, job)
    raise text_error(500 if job is not None and job.process.returncode not in (0, None) else 404)


def _must_start(job: TranscodeJob | None, wanted: SegmentRequest) -> bool:
    if job is None or job.has_exited:
        return True
    current = job.current_index()
    if current is None or wanted.number < current:
        return True
    gap = MAX_GAP_SECONDS * TICKS_PER_SECOND // wanted.encoding.segment_ticks
    return wanted.number - current > gap
