"""Makes the files with ffmpeg."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

from .recipe import (
    ATTACHMENT,
    AUDIO_BITRATE,
    CHAPTERS,
    CLIPS,
    FRAME_RATE,
    HEIGHT,
    KEY_FRAME_SECONDS,
    POSTER,
    SAMPLE_RATE,
    TEST_CARD,
    THEME,
    THEME_SECONDS,
    WIDTH,
    Clip,
)

# A clip takes a few seconds; a busy machine may be far slower.
ENCODE_SECONDS = 600
_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
# Same input, same bytes: no dates, no versions in the files, a fixed number of threads.
_EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-threads", "2")


def ffmpeg_version() -> str:
    """The first line of `ffmpeg -version`.

    Raises:
        UserError: there is no ffmpeg.
    """
    try:
        command = ["ffmpeg", "-version"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(
            f"ffmpeg is needed to make the sample library, and does not run ({error}). "
            "Install it: apt-get install ffmpeg"
        ) from error
    return result.stdout.partition("\n")[0]


def make_media(folder: Path, progress: Progress) -> None:
    """Writes every file of the recipe below a folder.

    Raises:
        UserError: ffmpeg failed; the message has its last words.
    """
    for number, clip in enumerate(CLIPS):
        progress(f"sample library: {Path(clip.path).name}", number / len(CLIPS))
        (folder / clip.folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            _make_clip(clip, folder / clip.path, Path(scratch))
        if clip.external_subtitles:
            (folder / f"{clip.stem}.en.srt").write_text(_subtitles(clip.seconds), "utf-8")
    tone = f"sine=frequency=330:sample_rate={SAMPLE_RATE}:duration={THEME_SECONDS}"
    _ffmpeg(["-f", "lavfi", "-i", tone, *_EXACT, "-map_metadata", "-1", str(folder / THEME)])
    picture = ["-i", str(folder / TEST_CARD.path), "-frames:v", "1", "-update", "1", *_EXACT]
    _ffmpeg([*picture, str(folder / POSTER)])


def _make_clip(clip: Clip, target: Path, scratch: Path) -> None:
    inputs = ["-f", "lavfi", "-i", f"{clip.source}=size={WIDTH}x{HEIGHT}:rate={FRAME_RATE}"]
    maps = ["-map", "0:v"]
    for number, language in enumerate(clip.languages):
        tone = f"sine=frequency={330 + 110 * number}:beep_factor=4:sample_rate={SAMPLE_RATE}"
        inputs += ["-f", "lavfi", "-i", tone]
        maps += ["-map", f"{number + 1}:a", f"-metadata:s:a:{number}", f"language={language}"]
    metadata = ["-map_metadata", "-1"]
    if clip.subtitles:
        count = len(clip.languages) + 1
        (scratch / "subtitles.srt").write_text(_subtitles(clip.seconds), "utf-8")
        (scratch / "chapters.txt").write_text(_chapters(clip.seconds), "utf-8")
        (scratch / ATTACHMENT).write_text("Colour bars, made by ffmpeg.\n", "utf-8")
        inputs += ["-i", str(scratch / "subtitles.srt"), "-i", str(scratch / "chapters.txt")]
        maps += ["-map", f"{count}:s", "-codec:s", "srt", "-metadata:s:s:0", "language=eng"]
        maps += ["-attach", str(scratch / ATTACHMENT), "-metadata:s:t", "mimetype=text/plain"]
        # The titles of chapters are metadata too.
        metadata = ["-map_chapters", str(count + 1)]
    video = ["-codec:v", "libx264", "-preset", "ultrafast", "-crf", "32", "-pix_fmt", "yuv420p", "-bf", "0"]
    frames = str(FRAME_RATE * KEY_FRAME_SECONDS)
    video += ["-g", frames, "-keyint_min", frames, "-sc_threshold", "0"]
    if _FONT.exists():
        clock = r"%{pts\:hms}"
        video += ["-vf", f"drawtext=fontfile={_FONT}:text='{clock}':fontsize=48:x=20:y=20:box=1"]
    audio = ["-codec:a", "aac", "-b:a", str(AUDIO_BITRATE), "-ac", "2"]
    _ffmpeg([*inputs, *maps, *metadata, *video, *audio, *_EXACT, "-t", str(clip.seconds), str(target)])


def _ffmpeg(arguments: Sequence[str]) -> None:
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=ENCODE_SECONDS, check=True)
    except subprocess.CalledProcessError as error:
        words = str(error.stderr).strip()[-500:]
        raise UserError(f"ffmpeg could not make {arguments[-1]}: {words}") from error
    except subprocess.TimeoutExpired as error:
        raise UserError(f"ffmpeg took more than {ENCODE_SECONDS} s for {arguments[-1]}") from error


def _subtitles(seconds: int) -> str:
    blocks = [
        f"{number}\n{_clock(start)} --> {_clock(start + 4)}\nMinute {start // 60}\n"
        for number, start in enumerate(range(0, seconds - 5, 60), 1)
    ]
    return "\n".join(blocks)


def _clock(seconds: int) -> str:
    return f"00:{seconds // 60:02}:{seconds % 60:02},000"


def _chapters(seconds: int) -> str:
    ends = [start for _, start in CHAPTERS[1:]] + [seconds]
    blocks = [
        f"[CHAPTER]\nTIMEBASE=1/1\nSTART={start}\nEND={end}\ntitle={name}\n"
        for (name, start), end in zip(CHAPTERS, ends, strict=True)
    ]
    return ";FFMETADATA1\n" + "".join(blocks)
