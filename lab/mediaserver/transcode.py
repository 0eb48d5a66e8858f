"""Running encoders, and the folder they write to.

The jobs live in this process only. Making the manager wipes the whole folder, and it is made at the process's
first playback call: two processes that shared the folder would delete each other's segments.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .encoding import Encoding, ffmpeg_arguments

_LOG = logging.getLogger("MediaBrowser.MediaEncoding.Transcoding.TranscodeManager")

POLL_SECONDS = 0.1
QUIT_SECONDS = 5.0
DELETE_AFTER_SECONDS = 1.5
CHECK_SECONDS = 1.0


class TranscodeJob:
    """One ffmpeg process and the files it writes."""

    def __init__(self, process: asyncio.subprocess.Process, stem: Path, first: int) -> None:
        self.process = process
        self.stem = stem
        self.first = first
        self.device_id = ""
        self.play_session_id = ""
        self.last_ping = time.monotonic()
        self.active_requests = 0

    @property
    def has_exited(self) -> bool:
        """Whether ffmpeg has ended."""
        return self.process.returncode is not None

    def ping(self) -> None:
        """Somebody still wants this."""
        self.last_ping = time.monotonic()

    def segment(self, number: int) -> Path:
        """The file of a segment."""
        return self.stem.with_name(f"{self.stem.name}{number}.ts")

    def current_index(self) -> int | None:
        """The number of the segment written last, or None before the first."""
        files = list(self.stem.parent.glob(f"{self.stem.name}*.ts"))
        if not files:
            return None
        newest = max(files, key=lambda path: path.stat().st_mtime)
        return int(newest.stem.removeprefix(self.stem.name))

    async def end(self) -> None:
        """Asks ffmpeg to quit, and kills it when it does not in time."""
        if self.has_exited:
            return
        if self.process.stdin is not None:
            with suppress(ConnectionError):
                self.process.stdin.write(b"q")
                await self.process.stdin.drain()
        try:
            await asyncio.wait_for(self.process.wait(), QUIT_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    def delete_files(self) -> None:
        """Removes all that the job wrote."""
        for path in self.stem.parent.glob(f"{self.stem.name}*"):
            path.unlink(missing_ok=True)


class TranscodeManager:
    """Starts, finds and ends encoders. Making it deletes every file in its folder.

    Args:
        ffmpeg: the encoder's program.
        folder: where segments go; made if missing.
        log_dir: where encoders' own messages go.
        idle_seconds: silence after which a job is ended.
    """

    def __init__(self, ffmpeg: str, folder: Path, log_dir: Path, idle_seconds: float) -> None:
        self._ffmpeg = ffmpeg
        self._folder = folder
        self._log_dir = log_dir
        self._idle_seconds = idle_seconds
        self._jobs: dict[str, TranscodeJob] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._background: set[asyncio.Task[None]] = set()
        folder.mkdir(parents=True, exist_ok=True)
        wiped = [path for path in folder.rglob("*") if path.is_file()]
        for path in wiped:
            path.unlink(missing_ok=True)
        _LOG.info("Transcode folder %s wiped, %d files deleted", folder, len(wiped))

    def stem(self, name: str) -> Path:
        """The common beginning of a transcode's files."""
        return self._folder / name

    def job(self, name: str) -> TranscodeJob | None:
        """The job that writes the files of that name."""
        return self._jobs.get(name)

    def lock(self, name: str) -> asyncio.Lock:
        """Held while it is decided whether an encoder must start."""
        return self._locks.setdefault(name, asyncio.Lock())

    async def start(
        self, encoding: Encoding, name: str, first: int, device_id: str, play_session_id: str
    ) -> TranscodeJob:
        """Starts ffmpeg at a segment, after ending what ran for the same playback.

        Returns when the first segment's file exists or ffmpeg has ended.
        """
        await self.kill(play_session_id, device_id, delete=False)
        arguments = ffmpeg_arguments(encoding, self._folder, name, first)
        self._log_dir.mkdir(parents=True, exist_ok=True)
        with (self._log_dir / f"FFmpeg.Transcode-{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                # The kernel ends ffmpeg when this process dies without a chance to do so itself.
                *("setpriv", "--pdeathsig", "SIGKILL", "--", self._ffmpeg, *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
            )
        job = TranscodeJob(process, self.stem(name), first)
        job.device_id, job.play_session_id = device_id, play_session_id
        self._jobs[name] = job
        _LOG.info("ffmpeg %d started for %s at segment %d", process.pid, play_session_id, first)
        while not job.segment(first).exists() and not job.has_exited:
            await asyncio.sleep(POLL_SECONDS)
        return job

    def ping(self, play_session_id: str) -> None:
        """Keeps a playback's jobs alive."""
        for job in self._jobs.values():
            if job.play_session_id == play_session_id:
                job.ping()

    def knows(self, play_session_id: str) -> bool:
        """Whether this process has a job for that playback."""
        return any(job.play_session_id == play_session_id for job in self._jobs.values())

    async def kill(self, play_session_id: str, device_id: str | None = None, *, delete: bool = True) -> None:
        """Ends the jobs of a playback; with `delete`, their files go shortly afterwards."""

        def is_meant(job: TranscodeJob) -> bool:
            return job.play_session_id == play_session_id and device_id in (None, job.device_id)

        await self._kill_where(is_meant, delete=delete)

    async def watch(self) -> None:
        """Ends jobs that nobody has asked for in a while; runs until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            deadline = time.monotonic() - self._idle_seconds

            def is_idle(job: TranscodeJob, deadline: float = deadline) -> bool:
                return job.active_requests == 0 and job.last_ping < deadline

            await self._kill_where(is_idle, delete=True)

    async def close(self) -> None:
        """Ends every encoder."""
        await self._kill_where(lambda _: True, delete=False)
        for task in self._background:
            task.cancel()

    async def _kill_where(self, is_meant: Callable[[TranscodeJob], bool], *, delete: bool) -> None:
        meant = {name: job for name, job in self._jobs.items() if is_meant(job)}
        for name, job in meant.items():
            del self._jobs[name]
            _LOG.info("ffmpeg %d for %s is ended", job.process.pid, job.play_session_id)
        await asyncio.gather(*(job.end() for job in meant.values()))
        if delete:
            for name, job in meant.items():
                task = asyncio.create_task(self._delete_later(name, job))
                self._background.add(task)
                task.add_done_callback(self._background.discard)

    async def _delete_later(self, name: str, job: TranscodeJob) -> None:
        await asyncio.sleep(DELETE_AFTER_SECONDS)
        # A new job may write files of the same name by now.
        if name not in self._jobs:
            job.delete_files()
