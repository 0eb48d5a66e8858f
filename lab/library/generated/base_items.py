"""The row of `BaseItems` of a generated item."""

import json
from collections.abc import Mapping
from random import Random
from typing import TypeAlias

from ...mediaserver.schema.kinds import ItemType
from ..folders import item_row
from ..recipe import TICKS_PER_SECOND
from ..values import NO_DATE, Row, Stored, moment
from .item import LIFE_DAYS, Item, below, between, chance, digits, single, some_day
from .names import clean, overview
from .traits import traits_of
from .vocabulary import COUNTRIES, RATINGS

Data: TypeAlias = Mapping[str, str | int | bool | list[str] | list[dict[str, str]]]

SECONDS_A_DAY = 86_400
VIDEO_KINDS = frozenset({ItemType.MOVIE, ItemType.EPISODE, ItemType.TRAILER})
RATED_KINDS = frozenset({ItemType.MOVIE, ItemType.EPISODE, ItemType.SERIES})
VIDEO_BITRATES, AUDIO_BITRATES = (1_500_000, 13_500_000), (700_000, 1_100_000)
ARTICLES = ("the ", "a ", "an ")


def base_row(rng: Random, item: Item, values: Row) -> Row:
    """The row.

    Args:
        values: the columns that repeat what other tables have: genres, studios, tags.
    """
    return item_row(
        item.identity,
        item.kind,
        item.name,
        **{
            "Path": item.path,
            "ParentId": item.ancestors[0] if item.ancestors else None,
            "TopParentId": item.top,
            "SortName": _sort_name(item.name),
            "CleanName": clean(item.name),
            "PresentationUniqueKey": item.identity.hex,
            "ProductionYear": item.year,
            "IsLocked": int(item.rich),
            **_dates(rng),
            **values,
            **_description(rng, item),
            **(_file(rng, item) if item.ticks else {}),
            **item.columns,
        },
    )


def _sort_name(name: str) -> str:
    lower = name.lower()
    return next((lower.removeprefix(article) for article in ARTICLES if lower.startswith(article)), lower)


def _dates(rng: Random) -> Row:
    added = rng.random() * (LIFE_DAYS - 30)
    refreshed = some_day(rng, added, LIFE_DAYS)
    exact = moment(added, below(rng, 10))
    # Many file systems and archives keep whole seconds.
    modified = moment(int(added * SECONDS_A_DAY) / SECONDS_A_DAY) if chance(rng, 0.5) else exact
    return {
        "DateCreated": exact,
        "DateModified": modified,
        "DateLastRefreshed": refreshed if chance(rng, 0.95) else NO_DATE,
        "DateLastSaved": refreshed,
        "DateLastMediaAdded": NO_DATE,
    }


def _description(rng: Random, item: Item) -> Row:
    traits = traits_of(item.kind)
    if not chance(rng, traits.described):
        return {}
    own_language = chance(rng, 0.05)
    row: dict[str, Stored] = {
        "Overview": overview(rng, between(rng, 1, traits.sentences)),
        "PreferredMetadataLanguage": "en" if own_language else "",
        "PreferredMetadataCountryCode": "GB" if own_language else "",
    }
    return row | _ratings(rng, item) if item.kind in RATED_KINDS else row


def _ratings(rng: Random, item: Item) -> dict[str, Stored]:
    rating, score = rng.choice(RATINGS)
    return {
        "CommunityRating": single(between(rng, 10, 99) / 10) if chance(rng, 0.9) else None,
        "OfficialRating": rating,
        "InheritedParentalRatingValue": score,
        "InheritedParentalRatingSubValue": 0 if chance(rng, 0.3) else None,
        "CustomRating": "family" if chance(rng, 0.02) else None,
        "ForcedSortName": clean(item.name) if chance(rng, 0.03) else None,
        "PremiereDate": f"{item.year}-{between(rng, 1, 12):02}-{between(rng, 1, 28):02} 00:00:00",
        "ProductionLocations": "|".join(rng.sample(COUNTRIES, k=between(rng, 1, 2))),
    }


def _file(rng: Random, item: Item) -> Row:
    video = item.kind in VIDEO_KINDS
    bitrate = between(rng, *(VIDEO_BITRATES if video else AUDIO_BITRATES))
    row: dict[str, Stored] = {
        "MediaType": "Video" if video else "Audio",
        "RunTimeTicks": item.ticks,
        "Size": bitrate * item.ticks // (8 * TICKS_PER_SECOND) + below(rng, 4096),
        "TotalBitrate": bitrate,
        "Data": json.dumps(_video_data(rng) if video else _audio_data(), separators=(",", ":")),
    }
    if video:
        row["Width"], row["Height"] = item.size
    return row


def _audio_data() -> Data:
    return {"Container": "flac", "HasLyrics": False, "LyricFiles": []}


def _video_data(rng: Random) -> Data:
    return {
        "Container": "mkv",
        "DefaultVideoStreamIndex": 0,
        "VideoType": "VideoFile",
        "IsShortcut": False,
        "HasSubtitles": chance(rng, 0.7),
        "SubtitleFiles": [],
        "AdditionalParts": [],
        "LocalAlternateVersions": [],
        "LinkedAlternateVersions": [],
        "RemoteTrailers": [{"Url": f"https://www.youtube.com/watch?v={digits(rng, 99_999_999_999)}"}],
    }
