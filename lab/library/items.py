"""The sample's items: folders, films, a series, and what else a grown library holds."""

import json
from pathlib import Path
from uuid import UUID

from ..mediaserver.schema import PLACEHOLDER_ID, PLACEHOLDER_NAME, PLACEHOLDER_TYPE
from ..mediaserver.schema.identifiers import item_id
from ..mediaserver.schema.kinds import ItemType
from .recipe import (
    COLOUR_BARS,
    EPISODES,
    FILMS,
    HEIGHT,
    PAL_BARS,
    TEST_CARD,
    THEME,
    THEME_SECONDS,
    TICKS_PER_SECOND,
    WIDTH,
    Clip,
)
from .users import MOVIES_VIEW, SHOWS_VIEW
from .values import NO_DATE, Row, Stored, guid, moment, sample_guid

ROOT = item_id(ItemType.AGGREGATE_FOLDER, "/config/root")
USER_ROOT = item_id(ItemType.USER_ROOT_FOLDER, "/config/root/default")
MOVIES = item_id(ItemType.FOLDER, "/media/movies")
SHOWS = item_id(ItemType.FOLDER, "/media/shows")
SERIES = item_id(ItemType.SERIES, "/media/shows/Signals")
SEASON = item_id(ItemType.SEASON, "/media/shows/Signals/Season 01")
THEME_ID = item_id(ItemType.AUDIO, f"/media/{THEME}")
PROGRAM = sample_guid("programme")
CHANNEL = sample_guid("channel")

# Film: title, year, days after the start, IMDb id and TMDb id (invented).
FILM_FACTS = {
    TEST_CARD: ("Test Card", 2019, 3, "tt9900001", "9900001"),
    COLOUR_BARS: ("Colour Bars", 2020, 4, "tt9900002", "9900002"),
    PAL_BARS: ("Größe 100 %", 2021, 5, None, None),
}


def clip_id(clip: Clip) -> UUID:
    """The id a server gives the file of a clip."""
    kind = ItemType.EPISODE if clip in EPISODES else ItemType.MOVIE
    return item_id(kind, f"/media/{clip.path}")


def item_rows(media: Path) -> list[Row]:
    """All rows of `BaseItems`, parents before children.

    Args:
        media: the folder of the files, whose sizes are noted.
    """
    return [
        _item(PLACEHOLDER_ID, PLACEHOLDER_TYPE, PLACEHOLDER_NAME, IsFolder=0),
        _folder(ROOT, ItemType.AGGREGATE_FOLDER, "/config/root", "root", None),
        _folder(USER_ROOT, ItemType.USER_ROOT_FOLDER, "/config/root/default", "Media Folders", ROOT),
        _view(MOVIES_VIEW, "Movies", "movies", "/media/movies", MOVIES),
        _view(SHOWS_VIEW, "Shows", "tvshows", "/media/shows", SHOWS),
        _folder(MOVIES, ItemType.FOLDER, "/media/movies", "movies", ROOT),
        _folder(SHOWS, ItemType.FOLDER, "/media/shows", "shows", ROOT),
        *(_film(clip, media) for clip in FILMS),
        _theme(media),
        _series(),
        _season(),
        *(_episode(clip, number, media) for number, clip in enumerate(EPISODES, 1)),
        _program(),
    ]


def _item(identity: UUID, kind: str, name: str, **others: Stored) -> Row:
    return {
        "Id": guid(identity),
        "Type": kind,
        "Name": name,
        "IsFolder": 0,
        "IsInMixedFolder": 0,
        "IsLocked": 0,
        "IsMovie": 0,
        "IsRepeat": 0,
        "IsSeries": 0,
        "IsVirtualItem": 0,
        **others,
    }


def _dates(days: float) -> dict[str, Stored]:
    return {
        "DateCreated": moment(days),
        "DateModified": moment(days, 5_000_000),
        "DateLastSaved": moment(days + 0.01, 1_234_560),
        "DateLastRefreshed": moment(days + 0.01, 7),
        "DateLastMediaAdded": NO_DATE,
    }


def _names(name: str, identity: UUID) -> dict[str, Stored]:
    return {
        "SortName": name.lower(),
        "CleanName": name.lower(),
        "PresentationUniqueKey": identity.hex,
    }


def _folder(identity: UUID, kind: ItemType, path: str, name: str, parent: UUID | None) -> Row:
    top = identity if kind == ItemType.FOLDER else None
    others: dict[str, Stored] = {
        "IsFolder": 1,
        "Path": path,
        "ParentId": guid(parent) if parent else None,
        "TopParentId": guid(top) if top else None,
        "UnratedType": "Other",
        **_dates(0.1),
        **_names(name, identity),
    }
    return _item(identity, kind, name, **others)


def _view(identity: UUID, name: str, kind: str, path: str, folder: UUID) -> Row:
    others: dict[str, Stored] = {
        "IsFolder": 1,
        "Path": f"/config/root/default/{name}",
        "ParentId": guid(USER_ROOT),
        "TopParentId": None,
        "Data": json.dumps(
            {
                "CollectionType": kind,
                "PhysicalLocationsList": [path],
                "PhysicalFolderIds": [folder.hex],
            }
        ),
        **_dates(0.2),
        **_names(name, identity),
    }
    return _item(identity, ItemType.COLLECTION_FOLDER, name, **others)


def _video(clip: Clip, media: Path) -> dict[str, Stored]:
    size = (media / clip.path).stat().st_size
    return {
        "Path": f"/media/{clip.path}",
        "MediaType": "Video",
        "RunTimeTicks": clip.ticks,
        "Size": size,
        "TotalBitrate": size * 8 // clip.seconds,
        "Width": WIDTH,
        "Height": HEIGHT,
    }


def _film(clip: Clip, media: Path) -> Row:
    title, year, days, _, _ = FILM_FACTS[clip]
    identity = clip_id(clip)
    others: dict[str, Stored] = {
        **_video(clip, media),
        **_dates(days),
        **_names(title, identity),
        "IsMovie": 1,
        "ParentId": guid(MOVIES),
        "TopParentId": guid(MOVIES),
        "ProductionYear": year,
        "PremiereDate": f"{year}-05-01 00:00:00",
        "Genres": "Test|Abstract",
        "Overview": f"{title}, made by ffmpeg.",
        "OriginalTitle": title,
        "UnratedType": "Movie",
        "Data": "{}",
    }
    if clip == TEST_CARD:
        others |= {
            "CommunityRating": 7.5,
            "CriticRating": 88.0,
            "CustomRating": "G",
            "OfficialRating": "PG-13",
            "InheritedParentalRatingValue": 13,
            "InheritedParentalRatingSubValue": 0,
            "ForcedSortName": "test card",
            "PreferredMetadataCountryCode": "GB",
            "PreferredMetadataLanguage": "en",
            "ProductionLocations": "United Kingdom|Germany",
            "Studios": "Test Pictures",
            "Tagline": "It never ends.",
            "Tags": "sample|clock",
            "ExtraIds": THEME_ID.hex,
            "IsLocked": 1,
        }
    return _item(identity, ItemType.MOVIE, title, **others)


def _theme(media: Path) -> Row:
    others: dict[str, Stored] = {
        **_dates(3),
        **_names("theme", THEME_ID),
        "Path": f"/media/{THEME}",
        "MediaType": "Audio",
        "RunTimeTicks": THEME_SECONDS * TICKS_PER_SECOND,
        "Size": (media / THEME).stat().st_size,
        "OwnerId": clip_id(TEST_CARD).hex,
        # 8 is "theme song".
        "ExtraType": 8,
        "Album": "Tones",
        "AlbumArtists": "The Sines",
        "Artists": "The Sines|The Cosines",
        "LUFS": -18.5,
        "NormalizationGain": 0.5,
        "IsInMixedFolder": 1,
    }
    return _item(THEME_ID, ItemType.AUDIO, "theme", **others)


def _series() -> Row:
    others: dict[str, Stored] = {
        **_dates(6),
        **_names("Signals", SERIES),
        "DateLastMediaAdded": moment(6.5),
        "IsFolder": 1,
        "IsSeries": 1,
        "Path": "/media/shows/Signals",
        "ParentId": guid(SHOWS),
        "TopParentId": guid(SHOWS),
        "ProductionYear": 2022,
        "PremiereDate": "2022-01-10 00:00:00",
        "EndDate": "2022-01-17 00:00:00",
        "UnratedType": "Series",
        "SeriesPresentationUniqueKey": SERIES.hex,
    }
    return _item(SERIES, ItemType.SERIES, "Signals", **others)


def _season() -> Row:
    others: dict[str, Stored] = {
        **_dates(6),
        **_names("Season 1", SEASON),
        "IsFolder": 1,
        "Path": "/media/shows/Signals/Season 01",
        "ParentId": guid(SERIES),
        "TopParentId": guid(SHOWS),
        "IndexNumber": 1,
        "SeriesId": guid(SERIES),
        "SeriesName": "Signals",
        "SeriesPresentationUniqueKey": SERIES.hex,
    }
    return _item(SEASON, ItemType.SEASON, "Season 1", **others)


def _episode(clip: Clip, number: int, media: Path) -> Row:
    identity = clip_id(clip)
    name = f"Signal {number}"
    others: dict[str, Stored] = {
        **_video(clip, media),
        **_dates(6 + number / 10),
        **_names(f"001 - {number:04} - {name}", identity),
        "ParentId": guid(SEASON),
        "TopParentId": guid(SHOWS),
        "IndexNumber": number,
        "ParentIndexNumber": 1,
        "SeriesId": guid(SERIES),
        "SeriesName": "Signals",
        "SeasonId": guid(SEASON),
        "SeasonName": "Season 1",
        "SeriesPresentationUniqueKey": SERIES.hex,
        "PremiereDate": f"2022-01-{3 + 7 * number:02} 00:00:00",
    }
    return _item(identity, ItemType.EPISODE, name, **others)


def _program() -> Row:
    """A television programme: an item without a file, left by a tuner that is no longer there."""
    others: dict[str, Stored] = {
        **_dates(9),
        **_names("Evening news", PROGRAM),
        "ChannelId": guid(CHANNEL),
        "StartDate": moment(9.5),
        "EndDate": moment(9.75),
        "EpisodeTitle": "Part 1",
        "ExternalId": "programme-1",
        "ExternalSeriesId": "series-1",
        "ExternalServiceId": "Emby",
        "ShowId": "SH0001",
        "PrimaryVersionId": PROGRAM.hex,
        "Audio": 2,
        "IsRepeat": 1,
        "IsVirtualItem": 1,
    }
    return _item(PROGRAM, ItemType.PROGRAM, "Evening news", **others)
