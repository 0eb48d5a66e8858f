"""The sample library's files are what its database says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from jellyfin_ha.lab.library import ensure
from jellyfin_ha.lab.library.recipe import CLIPS, COLOUR_BARS, HEIGHT, WIDTH, Clip
from jellyfin_ha.operations.progress import silent
from tests.integration.mediaserver_processes import sample_library

pytestmark = pytest.mark.integration


def _probe(path: Path) -> dict:
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-show_chapters", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: Path(clip.path).stem)
def test_a_clip_is_a_real_video_of_its_length_with_its_sound_tracks(clip: Clip) -> None:
    found = _probe(sample_library().media / clip.path)
    assert float(found["format"]["duration"]) == pytest.approx(clip.seconds, abs=0.5)
    video = found["streams"][0]
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", WIDTH, HEIGHT)
    languages = [s.get("tags", {}).get("language") for s in found["streams"] if s["codec_type"] == "audio"]
    assert languages == list(clip.languages)


def test_the_matroska_film_has_subtitles_chapters_and_an_attachment() -> None:
    found = _probe(sample_library().media / COLOUR_BARS.path)
    kinds = [stream["codec_type"] for stream in found["streams"]]
    assert kinds == ["video", "audio", "audio", "subtitle", "attachment"]
    assert [chapter["tags"]["title"] for chapter in found["chapters"]] == ["Opening", "The middle", "The end"]


def test_what_was_made_once_is_found_again() -> None:
    made = sample_library()
    before = made.database.stat()
    assert ensure(made.database.parent.parent, silent) == made
    assert made.database.stat().st_mtime_ns == before.st_mtime_ns
