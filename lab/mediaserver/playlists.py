"""HLS playlists: made from the length of the file alone, so that every process makes the same ones."""

from .encoding import Encoding
from .wire import TICKS_PER_SECOND


def master_playlist(encoding: Encoding, query_string: str) -> str:
    """The list of variants: one, whose address carries the request's whole query on."""
    bandwidth = encoding.video_bitrate + encoding.audio_bitrate
    return (
        "#EXTM3U\n"
        f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AVERAGE-BANDWIDTH={bandwidth},VIDEO-RANGE=SDR,"
        f'CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION={encoding.width}x{encoding.height},'
        f"FRAME-RATE={encoding.frame_rate:g}\n"
        f"main.m3u8?{query_string}\n"
    )


def main_playlist(encoding: Encoding, query_string: str) -> str:
    """All segments of the whole file.

    Raises:
        ValueError: the length of the file is not known.
    """
    if encoding.runtime <= 0:
        raise ValueError("the runtime is not known")
    lines = [
        "#EXTM3U",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-VERSION:3",
        f"#EXT-X-TARGETDURATION:{-(-encoding.segment_ticks // TICKS_PER_SECOND)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    for number in range(encoding.segments):
        start = number * encoding.segment_ticks
        length = min(encoding.segment_ticks, encoding.runtime - start)
        lines.append(f"#EXTINF:{length / TICKS_PER_SECOND:.6f}, nodesc")
        lines.append(f"hls1/main/{number}.ts?{query_string}&runtimeTicks={start}&actualSegmentLengthTicks={length}")
    lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"
