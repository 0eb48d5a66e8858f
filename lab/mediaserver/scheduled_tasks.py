"""The tasks of a stock server, with their default triggers."""

from dataclasses import dataclass
from uuid import UUID

from .wire import TICKS_PER_SECOND, Json

_HOUR = 3600 * TICKS_PER_SECOND


@dataclass(frozen=True)
class ScheduledTask:
    """One task.

    Args:
        key: its short name.
        id: MD5 of its full type name.
        at_start: whether it runs when the server starts.
        every_hours: interval, or None.
        daily_hour: local hour of the day, or None.
    """

    key: str
    id: UUID
    name: str
    category: str
    at_start: bool = False
    every_hours: int | None = None
    daily_hour: int | None = None

    def triggers(self) -> list[Json]:
        """The triggers as clients see them."""
        found: list[Json] = []
        if self.at_start:
            found.append({"Type": "StartupTrigger"})
        if self.every_hours is not None:
            found.append({"Type": "IntervalTrigger", "IntervalTicks": self.every_hours * _HOUR})
        if self.daily_hour is not None:
            found.append({"Type": "DailyTrigger", "TimeOfDayTicks": self.daily_hour * _HOUR})
        return found


def _task(
    key: str,
    identity: str,
    name: str,
    category: str,
    *,
    at_start: bool = False,
    every_hours: int | None = None,
    daily_hour: int | None = None,
) -> ScheduledTask:
    return ScheduledTask(key, UUID(identity), name, category, at_start, every_hours, daily_hour)


_LIBRARY, _MAINTENANCE, _LIVE_TV, _APPLICATION = "Library", "Maintenance", "Live TV", "Application"

TASKS = (
    _task(
        "PluginUpdates",
        "f9b057c0-54e9-e6da-ee4a-88ffd146a403",
        "Update Plugins",
        _APPLICATION,
        at_start=True,
        every_hours=24,
    ),
    _task(
        "CleanCollectionsAndPlaylists",
        "3a025083-141d-3c17-dd96-d5f9b951287b",
        "Clean up collections and playlists",
        _MAINTENANCE,
        at_start=True,
    ),
    _task(
        "DeleteTranscodeFiles",
        "7d8088c1-0902-f1bf-4072-ded42437bcfb",
        "Clean Transcode Directory",
        _MAINTENANCE,
        at_start=True,
        every_hours=24,
    ),
    _task(
        "RefreshLibrary",
        "7738148f-fcd0-7979-c7ce-b148e06b3aed",
        "Scan Media Library",
        _LIBRARY,
        every_hours=12,
    ),
    _task("RefreshPeople", "866456ed-0d44-e154-6812-4ce33d85961e", "Refresh People", _LIBRARY, every_hours=168),
    _task(
        "OptimizeDatabaseTask",
        "31de9ce8-3b92-23d3-38c7-7b1a635e144b",
        "Optimize database",
        _MAINTENANCE,
        every_hours=6,
    ),
    _task("CleanActivityLog", "b461ef91-8ab2-8520-9281-83e794350e3c", "Clean Activity Log", _MAINTENANCE),
    _task("CleanupUserDataTask", "8240e309-407d-bbf4-3c99-d30a6cbd239e", "User data cleanup", _MAINTENANCE),
    _task(
        "DeleteCacheFiles",
        "241d4fcb-19a1-d557-ee62-428e411da609",
        "Clean Cache Directory",
        _MAINTENANCE,
        every_hours=24,
    ),
    _task(
        "CleanLogFiles",
        "1c8ede62-c521-bea0-bf85-1344f5b8ca40",
        "Clean Log Directory",
        _MAINTENANCE,
        every_hours=24,
    ),
    _task(
        "AudioNormalization",
        "ec2f221f-d8e7-706b-3d3a-fd2c4591b4d7",
        "Audio Normalization",
        _LIBRARY,
        every_hours=24,
    ),
    _task(
        "RefreshChapterImages",
        "4e6637c8-32ed-644d-1af3-370a2506e80a",
        "Extract Chapter Images",
        _LIBRARY,
        daily_hour=2,
    ),
    _task(
        "RefreshTrickplayImages",
        "64f5f44c-d30d-c273-cb98-90205473bbcc",
        "Generate Trickplay Images",
        _LIBRARY,
        daily_hour=3,
    ),
    _task(
        "MoveTrickplayImages",
        "ebb6e58c-4e9a-8f5d-1f77-ab6ddefb3143",
        "Migrate Trickplay Image Location",
        _LIBRARY,
    ),
    _task(
        "TaskExtractMediaSegments",
        "f861734d-d71b-37f9-482b-52a820e39013",
        "Media Segment Scan",
        _LIBRARY,
        every_hours=12,
    ),
    _task(
        "DownloadSubtitles",
        "2c66a88b-ca43-e565-d7f8-099f825478f1",
        "Download missing subtitles",
        _LIBRARY,
        every_hours=24,
    ),
    _task(
        "DownloadLyrics",
        "26649fe0-aad5-7557-2453-51f220da916c",
        "Download missing lyrics",
        _LIBRARY,
        every_hours=24,
    ),
    _task(
        "RefreshInternetChannels",
        "0c9ee3a8-8fc1-5547-c685-2205480da1fd",
        "Refresh Channels",
        "Internet Channels",
        every_hours=24,
    ),
    _task("RefreshGuide", "bea9b218-c97b-bf98-c5dc-1303bdb9a0ca", "Refresh Guide", _LIVE_TV, every_hours=24),
    _task("KeyframeExtraction", "f302d80f-31bc-acf7-6f97-9d277d448581", "Keyframe Extractor", _LIBRARY),
)
