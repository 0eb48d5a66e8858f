"""How a reported position becomes what is stored: Jellyfin's resume rules."""

from dataclasses import dataclass, replace
from datetime import datetime

from .wire import TICKS_PER_SECOND


@dataclass(frozen=True)
class UserData:
    """What is stored of one user and one item; positions in ticks of 100 ns."""

    rating: float | None = None
    position: int = 0
    play_count: int = 0
    favorite: bool = False
    last_played: datetime | None = None
    played: bool = False
    audio_index: int | None = None
    subtitle_index: int | None = None
    likes: bool | None = None
    retention: datetime | None = None


@dataclass(frozen=True)
class ResumeRules:
    """`MinResumePct`, `MaxResumePct`, `MinResumeDurationSeconds` of system.xml (5, 90 and 300 by default)."""

    min_percent: float
    max_percent: float
    min_seconds: int


def at_position(data: UserData, position: int, runtime: int | None, rules: ResumeRules) -> UserData:
    """The data after a client reported a position.

    Args:
        position: in ticks.
        runtime: of the item, in ticks; without it the item counts as played.
    """
    if not runtime:
        return replace(data, position=0, played=True)
    percent = 100.0 * position / runtime
    if percent < rules.min_percent:
        return replace(data, position=0)
    if percent > rules.max_percent or position >= runtime - TICKS_PER_SECOND:
        return replace(data, position=0, played=True)
    if runtime < rules.min_seconds * TICKS_PER_SECOND:
        return replace(data, position=0, played=True)
    return replace(data, position=position)


def at_start(data: UserData, now: datetime) -> UserData:
    """The data after a video's playback began: counted, not yet played, position as it was."""
    return replace(data, play_count=data.play_count + 1, last_played=now, played=False)


def at_unknown_end(data: UserData) -> UserData:
    """The data after a client stopped without telling where."""
    return replace(data, play_count=data.play_count + 1, played=True, position=0)
