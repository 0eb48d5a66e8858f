"""The sample's items: folders, films, a series, and what else a grown library holds."""

from pathlib import Path
from uuid import UUID

from ..mediaserver.schema.identifiers import item_id
from ..mediaserver.schema.kinds import ItemType
from .folders import ROOT, dates, folder_row, item_row, names, root_rows, view_row
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
from .values import Row, Stored, guid, moment, sample_guid

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
        *root_rows(),
        view_row(MOVIES_VIEW, "Movies", "movies", "/media/movies", MOVIES),
        view_row(SHOWS_VIEW, "Shows", "tvshows", "/media/shows", SHOWS),
        folder_row(MOVIES, ItemType.FOLDER, "/media/movies", "movies", ROOT),
        folder_row(SHOWS, ItemType.FOLDER, "/media/shows", "shows", ROOT),
        *(_film(clip, media) for clip in FILMS),
        _theme(media),
        _series(),
        _season(),
        *(_episode(clip, number, media) for number, clip in enumerate(EPISODES, 1)),
        _program(),
    ]


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
        **dates(days),
        **names(title, identity),
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
    return item_row(identity, ItemType.MOVIE, title, **others)


def _theme(media: Path) -> Row:
    others: dict[str, Stored] = {
        **dates(3),
        **names("theme", THEME_ID),
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
    return item_row(THEME_ID, ItemType.AUDIO, "theme", **others)


def _series() -> Row:
    others: dict[str, Stored] = {
        **dates(6),
        **names("Signals", SERIES),
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
    return item_row(SERIES, ItemType.SERIES, "Signals", **others)


def _season() -> Row:
    others: dict[str, Stored] = {
        **dates(6),
        **names("Season 1", SEASON),
        "IsFolder": 1,
        "Path": "/media/shows/Signals/Season 01",
        "ParentId": guid(SERIES),
        "TopParentId": guid(SHOWS),
        "IndexNumber": 1,
        "SeriesId": guid(SERIES),
        "SeriesName": "Signals",
        "SeriesPresentationUniqueKey": SERIES.hex,
    }
    return item_row(SEASON, ItemType.SEASON, "Season 1", **others)


def _episode(clip: Clip, number: int, media: Path) -> Row:
    identity = clip_id(clip)
    name = f"Signal {number}"
    others: dict[str, Stored] = {
        **_video(clip, media),
        **dates(6 + number / 10),
        **names(f"001 - {number:04} - {name}", identity),
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
    return item_row(identity, ItemType.EPISODE, name, **others)


def _program() -> Row:
    """A television programme: an item without a file, left by a tuner that is no longer there."""
    others: dict[str, Stored] = {
        **dates(9),
        **names("Evening news", PROGRAM),
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
    return item_row(PROGRAM, ItemType.PROGRAM, "Evening news", **others)
