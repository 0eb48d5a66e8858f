"""Generated series with seasons and episodes, without end."""

from collections.abc import Iterator
from itertools import count
from random import Random

from ...mediaserver.schema.identifiers import item_id
from ...mediaserver.schema.kinds import ItemType
from ..values import NO_DATE
from .item import Item, below, between, chance, digits, imdb_id, length, some_day
from .names import ANY_TITLE, SERIES_TITLES, title
from .shelves import SHOWS

MOST_SEASONS = 5
EPISODES_A_SEASON = (6, 14)
EPISODE_SECONDS = (1_300, 3_600)


def shows(rng: Random) -> Iterator[Item]:
    """Series with seasons and episodes; parents first."""
    for number in count():
        series = _series(rng, number)
        yield series
        for season_number in range(1, 1 + between(rng, 1, MOST_SEASONS)):
            season = _season(series, season_number)
            yield season
            for episode_number in range(1, 1 + between(rng, *EPISODES_A_SEASON)):
                yield _episode(rng, series, season, season_number, episode_number)


def _series(rng: Random, number: int) -> Item:
    name, year = title(SERIES_TITLES + number), between(rng, 1970, 2025)
    path = f"{SHOWS.path}/{name} ({year})"
    identity = item_id(ItemType.SERIES, path)
    providers = {"Imdb": imdb_id(rng), "Tmdb": digits(rng, 299_999), "Tvdb": digits(rng, 499_999)}
    end = f"{year + between(rng, 1, 9)}-05-{between(rng, 1, 28):02} 00:00:00"
    return Item(
        identity=identity,
        kind=ItemType.SERIES,
        name=name,
        path=path,
        ancestors=SHOWS.ancestors,
        top=SHOWS.top,
        year=year,
        keys=(providers["Tvdb"], providers["Imdb"]),
        providers=providers,
        columns={
            "IsFolder": 1,
            "IsSeries": 1,
            "UnratedType": "Series",
            "OriginalTitle": name,
            "EndDate": end if chance(rng, 0.6) else None,
            "DateLastMediaAdded": some_day(rng),
            "SeriesPresentationUniqueKey": identity.hex,
        },
    )


def _season(series: Item, number: int) -> Item:
    path = f"{series.path}/Season {number:02}"
    return Item(
        identity=item_id(ItemType.SEASON, path),
        kind=ItemType.SEASON,
        name=f"Season {number}",
        path=path,
        ancestors=(series.key, *series.ancestors),
        top=series.top,
        year=(series.year or 0) + number - 1,
        keys=(f"{series.keys[0]}{number:03}",),
        columns={
            "IsFolder": 1,
            "UnratedType": "Series",
            "SortName": f"{number:04}",
            "IndexNumber": number,
            "SeriesId": series.key,
            "SeriesName": series.name,
            "SeriesPresentationUniqueKey": series.identity.hex,
            "DateLastMediaAdded": NO_DATE,
        },
    )


def _episode(rng: Random, series: Item, season: Item, season_number: int, number: int) -> Item:
    name = title(below(rng, ANY_TITLE))
    path = f"{season.path}/{series.name} - S{season_number:02}E{number:02} - {name}.mkv"
    providers = {"Tvdb": digits(rng, 9_999_999), "Imdb": imdb_id(rng)}
    if chance(rng, 0.3):
        providers["Tmdb"] = digits(rng, 5_999_999)
    return Item(
        identity=item_id(ItemType.EPISODE, path),
        kind=ItemType.EPISODE,
        name=name,
        path=path,
        ancestors=(season.key, *season.ancestors),
        top=series.top,
        year=season.year,
        ticks=length(rng, *EPISODE_SECONDS),
        keys=(f"{series.keys[0]}{season_number:03}{number:03}",),
        providers=providers,
        columns={
            "UnratedType": "Series",
            "SortName": f"{season_number:03} - {number:04} - {name}",
            "IndexNumber": number,
            "ParentIndexNumber": season_number,
            "SeriesId": series.key,
            "SeriesName": series.name,
            "SeriesPresentationUniqueKey": series.identity.hex,
            "SeasonId": season.key,
            "SeasonName": season.name,
        },
    )
