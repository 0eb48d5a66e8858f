"""What the sample library consists of; its hash names the cached result."""

import hashlib
import json
from dataclasses import asdict, dataclass

# Raise this when the way files or rows are made changes while the recipe stays the same.
VERSION = 2

TICKS_PER_SECOND = 10_000_000
FRAME_RATE = 12
# Key frames lie this far apart in every file, in seconds.
KEY_FRAME_SECONDS = 3
WIDTH, HEIGHT = 426, 240
SAMPLE_RATE = 44_100
AUDIO_BITRATE = 48_000


@dataclass(frozen=True)
class Clip:
    """One video file.

    Args:
        path: below the media folder.
        source: ffmpeg's lavfi source, without size and rate.
        seconds: length.
        languages: one audio track for each, ISO 639-2.
        subtitles: an embedded English text subtitle, chapters and an attachment (Matroska only).
        external_subtitles: an English .srt file beside the video.
    """

    path: str
    source: str
    seconds: int
    languages: tuple[str, ...] = ("eng",)
    subtitles: bool = False
    external_subtitles: bool = False

    @property
    def ticks(self) -> int:
        """The length in ticks of 100 ns."""
        return self.seconds * TICKS_PER_SECOND

    @property
    def stem(self) -> str:
        """The path without its extension."""
        return self.path.rpartition(".")[0]

    @property
    def folder(self) -> str:
        """The folder of the file."""
        return self.path.rpartition("/")[0]


# Chapters of the Matroska file: name and start in seconds.
CHAPTERS = (("Opening", 0), ("The middle", 120), ("The end", 300))
ATTACHMENT = "notes.txt"
THEME_SECONDS = 10

TEST_CARD = Clip("movies/Test Card (2019)/Test Card (2019).mp4", "testsrc2", 420)
COLOUR_BARS = Clip(
    "movies/Colour Bars (2020)/Colour Bars (2020).mkv",
    "smptehdbars",
    390,
    languages=("eng", "deu"),
    subtitles=True,
)
PAL_BARS = Clip("movies/Größe 100 % (2021)/Größe 100 % (2021).mp4", "pal75bars", 360, external_subtitles=True)
FIRST_EPISODE = Clip("shows/Signals/Season 01/Signals S01E01.mp4", "smptebars", 330)
# Shorter than the 300 s below which a server does not keep a resume position.
SECOND_EPISODE = Clip("shows/Signals/Season 01/Signals S01E02.mp4", "rgbtestsrc", 90)

FILMS = (TEST_CARD, COLOUR_BARS, PAL_BARS)
EPISODES = (FIRST_EPISODE, SECOND_EPISODE)
CLIPS = FILMS + EPISODES
THEME = f"{TEST_CARD.folder}/theme.mp3"
POSTER = f"{TEST_CARD.folder}/poster.jpg"


def recipe_hash(ffmpeg_version: str) -> str:
    """Names the result of this recipe with this encoder."""
    parts = [VERSION, ffmpeg_version, FRAME_RATE, KEY_FRAME_SECONDS, WIDTH, HEIGHT, SAMPLE_RATE, AUDIO_BITRATE]
    content = json.dumps([parts, [asdict(clip) for clip in CLIPS], CHAPTERS, THEME_SECONDS])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
