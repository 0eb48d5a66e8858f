"""What hangs on the items: streams, chapters, people, pictures, ancestors."""

import json
from uuid import UUID

from ..mediaserver.schema.kinds import StreamType
from .folders import ROOT
from .items import (
    FILM_FACTS,
    MOVIES,
    SEASON,
    SERIES,
    SHOWS,
    THEME_ID,
    clip_id,
)
from .recipe import (
    ATTACHMENT,
    AUDIO_BITRATE,
    CHAPTERS,
    CLIPS,
    COLOUR_BARS,
    EPISODES,
    FILMS,
    FRAME_RATE,
    HEIGHT,
    KEY_FRAME_SECONDS,
    POSTER,
    SAMPLE_RATE,
    TEST_CARD,
    TICKS_PER_SECOND,
    WIDTH,
    Clip,
)
from .users import MOVIES_VIEW, SHOWS_VIEW
from .values import Row, Stored, Tables, guid, moment, sample_guid


def detail_tables() -> Tables:
    """Rows of all tables that describe items further."""
    film, bars = guid(clip_id(TEST_CARD)), guid(clip_id(COLOUR_BARS))
    return {
        "MediaStreamInfos": [row for clip in CLIPS for row in _streams(clip)] + [_theme_stream()],
        "AttachmentStreamInfos": [
            {
                "ItemId": bars,
                "Index": len(COLOUR_BARS.languages) + 2,
                "Codec": "text",
                "CodecTag": "[0][0][0][0]",
                "Comment": "A note",
                "Filename": ATTACHMENT,
                "MimeType": "text/plain",
            }
        ],
        "Chapters": _chapters(),
        "KeyframeData": [_keyframes(clip) for clip in CLIPS],
        "MediaSegments": [
            {
                "Id": guid(sample_guid("segment")),
                "ItemId": bars,
                # 5 is "intro".
                "Type": 5,
                "StartTicks": 0,
                "EndTicks": 30 * TICKS_PER_SECOND,
                "SegmentProviderId": "sample",
            }
        ],
        "TrickplayInfos": [
            {
                "ItemId": film,
                "Width": 320,
                "Height": 180,
                "TileWidth": 10,
                "TileHeight": 10,
                "ThumbnailCount": TEST_CARD.seconds // 10,
                "Interval": 10_000,
                "Bandwidth": 40_000,
            }
        ],
        "BaseItemImageInfos": [
            {
                "Id": guid(sample_guid("poster")),
                "ItemId": film,
                "ImageType": 0,
                "Path": f"/media/{POSTER}",
                "Width": WIDTH,
                "Height": HEIGHT,
                "DateModified": moment(3),
                "Blurhash": b"LEHV6nWB2yk8pyo0adR*.7kCMdnj",
            }
        ],
        "BaseItemProviders": _providers(),
        "BaseItemMetadataFields": [{"Id": 2, "ItemId": film}, {"Id": 5, "ItemId": film}],
        "BaseItemTrailerTypes": [{"Id": 3, "ItemId": film}],
        "AncestorIds": _ancestors(),
        **_people(),
        **_item_values(),
    }


def _stream(item: UUID, index: int, kind: StreamType, codec: str, **others: Stored) -> Row:
    return {
        "ItemId": guid(item),
        "StreamIndex": index,
        "StreamType": int(kind),
        "Codec": codec,
        "IsDefault": int(index < 2),
        "IsExternal": 0,
        "IsForced": 0,
        "IsHearingImpaired": 0,
        "TimeBase": "1/1000",
        **others,
    }


def _streams(clip: Clip) -> list[Row]:
    item = clip_id(clip)
    rows = [_video_stream(clip)]
    for index, language in enumerate(clip.languages, 1):
        rows.append(
            _stream(
                item,
                index,
                StreamType.AUDIO,
                "aac",
                Language=language,
                Channels=2,
                ChannelLayout="stereo",
                SampleRate=SAMPLE_RATE,
                BitRate=AUDIO_BITRATE,
                Profile="LC",
            )
        )
    next_index = len(clip.languages) + 1
    if clip.subtitles:
        rows.append(_stream(item, next_index, StreamType.SUBTITLE, "subrip", Language="eng", Title="Minutes"))
    if clip.external_subtitles:
        path = f"/media/{clip.stem}.en.srt"
        others: dict[str, Stored] = {"Language": "eng", "Path": path, "IsExternal": 1}
        rows.append(_stream(item, next_index, StreamType.SUBTITLE, "subrip", **others))
    return rows


def _video_stream(clip: Clip) -> Row:
    others: dict[str, Stored] = {
        "Width": WIDTH,
        "Height": HEIGHT,
        "AspectRatio": "71:40",
        "AverageFrameRate": float(FRAME_RATE),
        "RealFrameRate": float(FRAME_RATE),
        "BitDepth": 8,
        "BitRate": 300_000,
        "CodecTag": "avc1",
        "CodecTimeBase": f"1/{2 * FRAME_RATE}",
        "IsAnamorphic": 0,
        "IsAvc": 1,
        "IsInterlaced": 0,
        "Level": 21.0,
        "NalLengthSize": "4",
        "PixelFormat": "yuv420p",
        "Profile": "Constrained Baseline",
        "RefFrames": 1,
    }
    if clip == COLOUR_BARS:
        # All that a probe of a wide-colour file would note; zero where a plain file has nothing.
        others |= {
            "BlPresentFlag": 1,
            "ElPresentFlag": 0,
            "RpuPresentFlag": 0,
            "DvBlSignalCompatibilityId": 0,
            "DvLevel": 0,
            "DvProfile": 0,
            "DvVersionMajor": 0,
            "DvVersionMinor": 0,
            "Hdr10PlusPresentFlag": 0,
            "Rotation": 0,
            "ColorPrimaries": "bt709",
            "ColorSpace": "bt709",
            "ColorTransfer": "bt709",
            "Comment": "bars",
            "KeyFrames": "",
        }
    return _stream(clip_id(clip), 0, StreamType.VIDEO, "h264", **others)


def _theme_stream() -> Row:
    others: dict[str, Stored] = {"Channels": 1, "ChannelLayout": "mono", "SampleRate": SAMPLE_RATE}
    return _stream(THEME_ID, 0, StreamType.AUDIO, "mp3", **others)


def _chapters() -> list[Row]:
    item = clip_id(COLOUR_BARS)
    return [
        {
            "ItemId": guid(item),
            "ChapterIndex": index,
            "Name": name,
            "StartPositionTicks": seconds * TICKS_PER_SECOND,
            "ImagePath": f"/config/metadata/library/{item.hex}/chapters/{seconds}.jpg" if index == 0 else None,
            "ImageDateModified": moment(4.1) if index == 0 else None,
        }
        for index, (name, seconds) in enumerate(CHAPTERS)
    ]


def _keyframes(clip: Clip) -> Row:
    ticks = [second * TICKS_PER_SECOND for second in range(0, clip.seconds, KEY_FRAME_SECONDS)]
    return {
        "ItemId": guid(clip_id(clip)),
        "KeyframeTicks": json.dumps(ticks, separators=(",", ":")),
        "TotalDuration": clip.ticks,
    }


def _providers() -> list[Row]:
    rows: list[Row] = []
    for clip, (_, _, _, imdb, tmdb) in FILM_FACTS.items():
        for provider, value in (("Imdb", imdb), ("Tmdb", tmdb)):
            if value:
                rows.append({"ItemId": guid(clip_id(clip)), "ProviderId": provider, "ProviderValue": value})
    rows.append({"ItemId": guid(SERIES), "ProviderId": "Tvdb", "ProviderValue": "990001"})
    return rows


def _ancestors() -> list[Row]:
    in_season = (SEASON, SERIES, SHOWS, ROOT, SHOWS_VIEW)
    chains: dict[UUID, tuple[UUID, ...]] = {clip_id(clip): (MOVIES, ROOT, MOVIES_VIEW) for clip in FILMS}
    chains |= {clip_id(clip): in_season for clip in EPISODES}
    chains |= {SEASON: in_season[1:], SERIES: in_season[2:], MOVIES: (ROOT,), SHOWS: (ROOT,)}
    return [
        {"ItemId": guid(item), "ParentItemId": guid(parent)} for item, parents in chains.items() for parent in parents
    ]


def _people() -> Tables:
    people = (("Ada Sample", "Actor", "Presenter"), ("Bo Beispiel", "Director", ""))
    film = guid(clip_id(TEST_CARD))
    return {
        "Peoples": [{"Id": guid(sample_guid(name)), "Name": name, "PersonType": kind} for name, kind, _ in people],
        "PeopleBaseItemMap": [
            {
                "ItemId": film,
                "PeopleId": guid(sample_guid(name)),
                "Role": role,
                "ListOrder": position,
                "SortOrder": position,
            }
            for position, (name, _, role) in enumerate(people)
        ],
    }


def _item_values() -> Tables:
    # The first number is the kind of value: 2 genres, 3 studios, 4 tags.
    genres = ((2, "Test"), (2, "Abstract"))
    own = ((3, "Test Pictures"), (4, "clock"))
    values: list[Row] = []
    uses: list[Row] = []
    for kind, value in (*genres, *own):
        identity = guid(sample_guid(f"value {kind} {value}"))
        values.append({"ItemValueId": identity, "Type": kind, "Value": value, "CleanValue": value.lower()})
        clips = FILMS if (kind, value) in genres else (TEST_CARD,)
        uses += [{"ItemValueId": identity, "ItemId": guid(clip_id(clip))} for clip in clips]
    return {"ItemValues": values, "ItemValuesMap": uses}
