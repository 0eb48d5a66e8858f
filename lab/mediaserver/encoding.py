"""What a client asks the encoder for, and the command line that makes it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .inputs import Query
from .items import Item, Stream
from .media_source import AUDIO_BITRATE
from .schema.identifiers import md5_guid
from .schema.kinds import StreamType
from .wire import TICKS_PER_SECOND

# Jellyfin's length of a segment when the video is transcoded, in seconds.
SEGMENT_SECONDS = 3
DEFAULT_SIZE = (426, 240)


@dataclass(frozen=True)
class Encoding:
    """One transcode: what goes in and what shall come out; the same in every process for the same request.

    Args:
        segment_ticks: nominal length of a segment in ticks: a whole number of frames.
        width, height: of the output, even numbers.
        audio_index: the stream's index in the file, or None for no sound.
    """

    path: str
    runtime: int
    segment_ticks: int
    frame_rate: float
    width: int
    height: int
    video_bitrate: int
    audio_bitrate: int
    audio_index: int | None

    @property
    def segments(self) -> int:
        """How many segments the whole file makes."""
        return math.ceil(self.runtime / self.segment_ticks)


def read_encoding(query: Query, item: Item, streams: Sequence[Stream]) -> Encoding:
    """The transcode a playlist or segment request describes."""
    video = next((s for s in streams if s.kind == StreamType.VIDEO), None)
    rate = (video.frame_rate if video else None) or 25.0
    seconds = query.number("segmentLength") or SEGMENT_SECONDS
    # A tolerance, because rates come from the database as single-precision numbers.
    frames = math.ceil(rate * seconds - 1e-3)
    width, height = _output_size(query, video)
    audio = query.number("audioStreamIndex")
    if audio is None:
        audio = next((s.index for s in streams if s.kind == StreamType.AUDIO), None)
    return Encoding(
        path=item.path or "",
        runtime=item.runtime or 0,
        segment_ticks=round(frames / rate * 1000) * (TICKS_PER_SECOND // 1000),
        frame_rate=rate,
        width=width,
        height=height,
        video_bitrate=query.number("videoBitrate") or 1_000_000,
        audio_bitrate=query.number("audioBitrate") or AUDIO_BITRATE,
        audio_index=audio,
    )


def _output_size(query: Query, video: Stream | None) -> tuple[int, int]:
    width, height = DEFAULT_SIZE
    if video and video.width and video.height:
        width, height = video.width, video.height
    limits = [
        (query.number("width") or query.number("maxWidth") or width) / width,
        (query.number("height") or query.number("maxHeight") or height) / height,
        1.0,
    ]
    scale = min(limits)
    return max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2)


def output_name(path: str, user_agent: str, device_id: str, play_session_id: str) -> str:
    """The stem of a transcode's files: equal in every process."""
    return md5_guid(f"{path}-{user_agent}-{device_id}-{play_session_id}").hex


def ffmpeg_arguments(encoding: Encoding, folder: Path, name: str, first: int) -> list[str]:
    """The arguments for ffmpeg to write the segments from number `first` on.

    Args:
        folder: where the files go.
        name: stem of the files; segment n is `<name>n.ts`.
        first: number of the first segment.
    """
    start = first * encoding.segment_ticks / TICKS_PER_SECOND
    length = encoding.segment_ticks / TICKS_PER_SECOND
    audio = ["-an"]
    if encoding.audio_index is not None:
        audio = ["-map", f"0:{encoding.audio_index}", "-codec:a:0", "aac", "-ac", "2"]
        audio += ["-ab", str(encoding.audio_bitrate)]
    return [
        *("-hide_banner", "-loglevel", "warning", "-nostats"),
        *(["-ss", f"{start:.3f}"] if first else []),
        *("-i", f"file:{encoding.path}", "-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-threads", "1"),
        *("-map", "0:v:0", "-codec:v:0", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-maxrate", str(encoding.video_bitrate), "-bufsize", str(encoding.video_bitrate * 2)),
        *("-force_key_frames:0", f"expr:gte(t,{start:.3f}+n_forced*{length:.3f})", "-sc_threshold:v:0", "0"),
        *("-vf", f"scale={encoding.width}:{encoding.height}"),
        *audio,
        # Time stamps stay those of the film, so that segments of different encoder runs fit together.
        *("-copyts", "-avoid_negative_ts", "disabled", "-max_muxing_queue_size", "2048"),
        *("-f", "hls", "-max_delay", "5000000", "-hls_time", f"{length:.3f}", "-hls_segment_type", "mpegts"),
        *("-start_number", str(first), "-hls_segment_filename", str(folder / f"{name}%d.ts")),
        *("-hls_playlist_type", "vod", "-hls_list_size", "0", "-y", str(folder / f"{name}.m3u8")),
    ]
