"""What else is known of generated videos: chapters, key frames, attachments, previews, intros."""

from collections.abc import Iterator
from itertools import accumulate
from random import Random
from struct import unpack

from ...mediaserver.schema.kinds import ItemType
from ..recipe import TICKS_PER_SECOND
from ..values import Row, Tables, guid
from .item import Item, below, between, chance, random_guid, some_day
from .traits import traits_of

# Of the movies and episodes, how many have fonts inside, have had their key frames read, their previews made,
# their intros found.
FONTS_SHARE, KEY_FRAMES_SHARE, PREVIEWS_SHARE, SEGMENTS_SHARE = 0.035, 0.34, 0.3, 0.18
# Fonts stand after all streams, however many there are.
FIRST_FONT = 10
KEY_FRAMES_A_FILE = 1000
# At 24000/1001 frames a second, frame n is shown n * 10_010_000 / 24 ticks after the first.
FRAME_TICKS, FRAME_PARTS = 10_010_000, 24
PREVIEW_SECONDS = 10
# Stored numbers of media segments.
OUTRO, INTRO = 4, 5
SEGMENT_PROVIDER = "9f7c3a52b1d04e0fa1a3b0c2d4e5f607"


def inside_tables(rng: Random, item: Item) -> Tables:
    """Rows by table, of a video."""
    tables: Tables = {"Chapters": list(_chapters(rng, item))}
    if item.kind == ItemType.TRAILER:
        return tables
    if item.rich or chance(rng, FONTS_SHARE):
        tables["AttachmentStreamInfos"] = [_font(item, number) for number in range(between(rng, 1, 3))]
    if item.rich or chance(rng, KEY_FRAMES_SHARE):
        tables["KeyframeData"] = [_key_frames(rng, item)]
    if item.rich or chance(rng, PREVIEWS_SHARE):
        tables["TrickplayInfos"] = [_preview(rng, item)]
    if item.rich or chance(rng, SEGMENTS_SHARE):
        tables["MediaSegments"] = list(_segments(rng, item))
    return tables


def _chapters(rng: Random, item: Item) -> Iterator[Row]:
    number = between(rng, int(item.rich), traits_of(item.kind).chapters)
    pictures = item.rich or chance(rng, 0.3)
    for index in range(number):
        start = item.ticks // number * index
        yield {
            "ItemId": item.key,
            "ChapterIndex": index,
            "Name": f"Chapter {index + 1}",
            "StartPositionTicks": start,
            "ImagePath": f"{item.metadata}/chapters/{start}.jpg" if pictures else None,
            "ImageDateModified": some_day(rng) if pictures else None,
        }


def _font(item: Item, number: int) -> Row:
    return {
        "ItemId": item.key,
        "Index": FIRST_FONT + number,
        "Codec": "ttf",
        "CodecTag": "[0][0][0][0]",
        "Comment": None if number else "for the subtitles",
        "Filename": f"OpenSans-Größe{number}.ttf",
        "MimeType": "application/x-truetype-font",
    }


def _key_frames(rng: Random, item: Item) -> Row:
    """Ticks at irregular distances: scene cuts fall anywhere."""
    frames = item.ticks * FRAME_PARTS // FRAME_TICKS
    # Distances are from one frame to this; on average all of them fill nine tenths of the file, and never more of it
    # than there is.
    widest = 9 * frames // (5 * KEY_FRAMES_A_FILE) - 2
    distances = KEY_FRAMES_A_FILE - 1
    parts = unpack(f"<{distances}H", rng.randbytes(2 * distances))
    numbers = accumulate((1 + (part * widest >> 16) for part in parts), initial=0)
    ticks = ",".join([str(number * FRAME_TICKS // FRAME_PARTS) for number in numbers])
    return {"ItemId": item.key, "KeyframeTicks": f"[{ticks}]", "TotalDuration": item.ticks}


def _preview(rng: Random, item: Item) -> Row:
    return {
        "ItemId": item.key,
        "Width": 320,
        "Height": 180,
        "TileWidth": 10,
        "TileHeight": 10,
        "ThumbnailCount": item.ticks // (PREVIEW_SECONDS * TICKS_PER_SECOND),
        "Interval": PREVIEW_SECONDS * 1000,
        "Bandwidth": between(rng, 20_000, 80_000),
    }


def _segments(rng: Random, item: Item) -> Iterator[Row]:
    intro = below(rng, 120) * TICKS_PER_SECOND
    outro = item.ticks - between(rng, 60, 120) * TICKS_PER_SECOND
    for kind, start, end in (
        (INTRO, intro, intro + between(rng, 30, 90) * TICKS_PER_SECOND),
        (OUTRO, outro, item.ticks),
    ):
        yield {
            "Id": guid(random_guid(rng)),
            "ItemId": item.key,
            "Type": kind,
            "StartTicks": start,
            "EndTicks": end,
            "SegmentProviderId": SEGMENT_PROVIDER,
        }
