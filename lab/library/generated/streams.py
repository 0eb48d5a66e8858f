"""The streams of generated files."""

from collections.abc import Iterator
from random import Random

from ...mediaserver.schema.kinds import StreamType
from ..values import Row, Stored
from .base_items import VIDEO_KINDS
from .item import Item, between, chance, single
from .traits import traits_of
from .vocabulary import LANGUAGES

FILM_RATE = single(24_000 / 1001)
VIDEO_BITRATES, FLAC_BITRATES = (1_400_000, 12_400_000), (700_000, 1_100_000)
HIGH, MAIN_10 = 41.0, 120.0
TRACK_TITLES = ("Surround 5.1", "Stereo", "Director’s commentary", None, None)
SUBTITLE_CODECS = ("subrip", "ass", "PGSSUB")
# All that a probe of a file with wide colours notes; other files have NULL there.
WIDE_COLOURS: Row = {
    "ColorPrimaries": "bt2020",
    "ColorSpace": "bt2020nc",
    "ColorTransfer": "smpte2084",
    "BlPresentFlag": 1,
    "ElPresentFlag": 0,
    "RpuPresentFlag": 1,
    "DvBlSignalCompatibilityId": 1,
    "DvLevel": 6,
    "DvProfile": 8,
    "DvVersionMajor": 1,
    "DvVersionMinor": 0,
    "Hdr10PlusPresentFlag": 0,
    "Rotation": 0,
    "CodecTag": "dvhe",
    "CodecTimeBase": "1001/48000",
    "Comment": "remux",
    "KeyFrames": "",
}


def stream_rows(rng: Random, item: Item) -> Iterator[Row]:
    """Rows of `MediaStreamInfos` of a file."""
    if item.kind not in VIDEO_KINDS:
        yield from _music(rng, item)
        return
    traits = traits_of(item.kind)
    yield _video(rng, item)
    subtitles = 1 + between(rng, 1, traits.audio)
    for index in range(1, subtitles):
        yield _audio(rng, item, index)
    for index in range(subtitles, subtitles + between(rng, 0, traits.subtitles)):
        yield _subtitle(rng, item, index)


def _stream(item: Item, index: int, kind: StreamType, codec: str, **others: Stored) -> Row:
    return {
        "ItemId": item.key,
        "StreamIndex": index,
        "StreamType": int(kind),
        "Codec": codec,
        "IsDefault": int(index < 2),
        "IsExternal": 0,
        "IsForced": 0,
        "IsHearingImpaired": 0,
        "IsInterlaced": 0,
        "TimeBase": "1/1000",
        **others,
    }


def _video(rng: Random, item: Item) -> Row:
    hevc = item.rich or chance(rng, 0.4)
    width, height = item.size
    others: dict[str, Stored] = {
        "Width": width,
        "Height": height,
        "AspectRatio": "16:9" if width * 9 == height * 16 else "2.39:1",
        "AverageFrameRate": FILM_RATE,
        "RealFrameRate": FILM_RATE,
        "BitDepth": 10 if hevc else 8,
        "BitRate": between(rng, *VIDEO_BITRATES),
        "IsAnamorphic": 0,
        "IsAvc": int(not hevc),
        "Level": MAIN_10 if hevc else HIGH,
        "NalLengthSize": None if hevc else "4",
        "PixelFormat": "yuv420p10le" if hevc else "yuv420p",
        "Profile": "Main 10" if hevc else "High",
        "RefFrames": 1,
        "ColorPrimaries": "bt709",
        "ColorSpace": "bt709",
        "ColorTransfer": "bt709",
        "Title": item.name if chance(rng, 0.2) else None,
    }
    if item.rich or (hevc and chance(rng, 0.25)):
        others |= WIDE_COLOURS
    return _stream(item, 0, StreamType.VIDEO, "hevc" if hevc else "h264", **others)


def _audio(rng: Random, item: Item, index: int) -> Row:
    surround = index == 1 and chance(rng, 0.6)
    return _stream(
        item,
        index,
        StreamType.AUDIO,
        "eac3" if surround else "aac",
        Language=rng.choice(LANGUAGES) if chance(rng, 0.95) else None,
        Title=rng.choice(TRACK_TITLES),
        Channels=6 if surround else 2,
        ChannelLayout="5.1" if surround else "stereo",
        SampleRate=48_000,
        BitRate=640_000 if surround else 192_000,
        Profile=None if surround else "LC",
    )


def _subtitle(rng: Random, item: Item, index: int) -> Row:
    language = rng.choice(LANGUAGES)
    others: dict[str, Stored] = {
        "Language": language,
        "IsForced": int(chance(rng, 0.1)),
        "IsHearingImpaired": int(chance(rng, 0.15)),
        "Title": "SDH" if chance(rng, 0.15) else None,
    }
    if chance(rng, 0.2):
        others |= {"IsExternal": 1, "Path": f"{item.stem}.{language}.{index}.srt"}
    return _stream(item, index, StreamType.SUBTITLE, rng.choice(SUBTITLE_CODECS), **others)


def _music(rng: Random, item: Item) -> Iterator[Row]:
    yield _stream(
        item,
        0,
        StreamType.AUDIO,
        "flac",
        BitDepth=16,
        BitRate=between(rng, *FLAC_BITRATES),
        Channels=2,
        ChannelLayout="stereo",
        SampleRate=44_100,
    )
    if chance(rng, 0.12):
        # A cover inside the file counts as a stream.
        yield _stream(item, 1, StreamType.VIDEO, "mjpeg", Width=600, Height=600)
