"""Resume rules, playlists, encoder arguments and answers of the reference server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from jellyfin_ha.lab.mediaserver.encoding import Encoding, ffmpeg_arguments, output_name
from jellyfin_ha.lab.mediaserver.playlists import main_playlist, master_playlist
from jellyfin_ha.lab.mediaserver.sessions import session_id
from jellyfin_ha.lab.mediaserver.user_data_rules import (
    ResumeRules,
    UserData,
    at_position,
    at_start,
    at_unknown_end,
)
from jellyfin_ha.lab.mediaserver.wire import json_response

SECOND = 10_000_000
RULES = ResumeRules(5, 90, 300)
FILM = 400 * SECOND


@pytest.mark.parametrize(
    ("seconds", "runtime", "position", "played"),
    [
        (19, FILM, 0, False),
        (20, FILM, 20, False),
        (360, FILM, 360, False),
        (361, FILM, 0, True),
        (0, FILM, 0, False),
        (100, 299 * SECOND, 0, True),
        (100, 300 * SECOND, 100, False),
        (10, None, 0, True),
    ],
)
def test_a_position_is_kept_between_5_and_90_percent_of_what_is_long_enough(
    seconds: int, runtime: int | None, position: int, played: bool
) -> None:
    data = at_position(UserData(position=7), seconds * SECOND, runtime, RULES)
    assert (data.position, data.played) == (position * SECOND, played)


def test_progress_never_takes_played_back_but_a_new_start_does() -> None:
    seen = UserData(played=True, play_count=1, position=5)
    assert at_position(seen, 100 * SECOND, FILM, RULES).played
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert at_start(seen, now) == UserData(played=False, play_count=2, position=5, last_played=now)
    assert at_unknown_end(UserData(position=9)) == UserData(played=True, play_count=1)


def _encoding(runtime: int) -> Encoding:
    return Encoding("/media/a.mp4", runtime, 3 * SECOND, 12.0, 426, 240, 500_000, 128_000, 1)


def test_the_playlist_covers_the_whole_film_from_its_length_alone() -> None:
    lines = main_playlist(_encoding(10 * SECOND), "&DeviceId=d").splitlines()
    assert lines[:5] == [
        "#EXTM3U",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-VERSION:3",
        "#EXT-X-TARGETDURATION:3",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    assert lines[-3:] == [
        "#EXTINF:1.000000, nodesc",
        "hls1/main/3.ts?&DeviceId=d&runtimeTicks=90000000&actualSegmentLengthTicks=10000000",
        "#EXT-X-ENDLIST",
    ]
    with pytest.raises(ValueError, match="runtime"):
        main_playlist(_encoding(0), "")


def test_the_master_playlist_carries_the_query_on_unchanged() -> None:
    text = master_playlist(_encoding(SECOND), "&ApiKey=t&X=1")
    assert text.endswith("\nmain.m3u8?&ApiKey=t&X=1\n")
    assert "BANDWIDTH=628000" in text


def test_the_encoder_starts_at_the_segment_that_is_asked_for() -> None:
    arguments = ffmpeg_arguments(_encoding(FILM), Path("/t"), "abc", 40)
    assert arguments[arguments.index("-ss") + 1] == "120.000"
    assert arguments[arguments.index("-start_number") + 1] == "40"
    assert "/t/abc%d.ts" in arguments
    assert "-ss" not in ffmpeg_arguments(_encoding(FILM), Path("/t"), "abc", 0)


def test_ids_are_the_same_in_every_process() -> None:
    assert session_id("hatest", "dev1") == "0ed53cc4ad6546f92f291af013dbe7aa"
    assert output_name("/m", "ua", "d", "p") == output_name("/m", "ua", "d", "p")


def test_answers_are_pascal_case_without_nulls_with_plain_guids_and_seven_decimals() -> None:
    value = {
        "Id": UUID(int=255),
        "None": None,
        "When": datetime(2026, 11, 23, 21, 0, 0, 1, tzinfo=UTC),
        "Never": datetime(1, 1, 1, tzinfo=UTC),
        "List": [{"A": None, "B": 1}],
    }
    assert json.loads(bytes(json_response(value).body)) == {
        "Id": "000000000000000000000000000000ff",
        "When": "2026-11-23T21:00:00.0000010Z",
        "Never": "0001-01-01T00:00:00.0000000Z",
        "List": [{"B": 1}],
    }
    assert b'"when"' in bytes(json_response(value, camel_case=True).body)
