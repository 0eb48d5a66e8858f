"""Generated movies, without end."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from random import Random

from ...mediaserver.schema.identifiers import item_id
from ...mediaserver.schema.kinds import ItemType
from ..values import Stored, guid
from .item import Item, below, between, chance, digits, imdb_id, length
from .names import title
from .shelves import COLLECTIONS, MOVIES

# Of so many movies, the first few lie in a folder of their own.
MOVIES_A_FOLDER, MOVIES_IN_FOLDER = 40, 4
# One movie of so many opens a collection, has everything (a trailer beside it, too), has a second version.
MOVIES_A_COLLECTION, MOVIES_A_RICH_ONE, MOVIES_A_VERSION = 60, 15, 45
SIZES = {"1080p": (1920, 1080), "2160p": (3840, 2160), "720p": (1280, 720), "1080p.scope": (1920, 804)}
# `BaseItems.ExtraType` of a trailer.
TRAILER = 2


def movies(rng: Random) -> Iterator[Item]:
    """Movies with the folders, collections, trailers and other versions among them; parents first."""
    place, ancestors = MOVIES.path, MOVIES.ancestors
    for number in count():
        if number % MOVIES_A_COLLECTION == 0:
            yield _collection(rng, number)
        if number % MOVIES_A_FOLDER == 0:
            folder = _folder(number)
            yield folder
            place, ancestors = folder.path or "", (folder.key, *folder.ancestors)
        elif number % MOVIES_A_FOLDER == MOVIES_IN_FOLDER:
            place, ancestors = MOVIES.path, MOVIES.ancestors
        movie = _movie(rng, number, place, ancestors)
        yield movie
        if number % MOVIES_A_VERSION == 0:
            yield _version(movie)
        if movie.rich:
            yield _trailer(rng, movie)


def _folder(number: int) -> Item:
    name = f"{title(number)} (set)"
    path = f"{MOVIES.path}/{name}"
    identity = item_id(ItemType.FOLDER, path)
    return Item(
        identity=identity,
        kind=ItemType.FOLDER,
        name=name,
        path=path,
        ancestors=MOVIES.ancestors,
        top=MOVIES.top,
        columns={"IsFolder": 1, "UnratedType": "Other"},
    )


def _collection(rng: Random, number: int) -> Item:
    name = f"{title(number)} Collection"
    path = f"{COLLECTIONS.path}/{name} [boxset]"
    return Item(
        identity=item_id(ItemType.BOX_SET, path),
        kind=ItemType.BOX_SET,
        name=name,
        path=path,
        ancestors=COLLECTIONS.ancestors,
        top=COLLECTIONS.top,
        providers={"Tmdb": digits(rng, 999_999)},
        columns={"IsFolder": 1, "UnratedType": "Movie"},
    )


def _movie(rng: Random, number: int, place: str, ancestors: tuple[str, ...]) -> Item:
    name, year = title(number), between(rng, 1950, 2025)
    label, size = rng.choice(list(SIZES.items()))
    stem = f"{name} ({year})"
    path = f"{place}/{stem}/{stem} [{label}].mkv"
    providers = {"Imdb": imdb_id(rng), "Tmdb": digits(rng, 999_999)}
    if chance(rng, 0.4):
        providers["TmdbCollection"] = digits(rng, 99_999)
    columns: dict[str, Stored] = {
        "IsMovie": 1,
        "UnratedType": "Movie",
        "OriginalTitle": name if chance(rng, 0.8) else title(number + 7),
        "Tagline": f"{title(number + 3)}." if chance(rng, 0.7) else None,
        "CriticRating": float(below(rng, 101)) if chance(rng, 0.6) else None,
    }
    rich = number % MOVIES_A_RICH_ONE == 0
    if rich:
        columns["ExtraIds"] = item_id(ItemType.TRAILER, _trailer_path(f"{place}/{stem}")).hex
    return Item(
        identity=item_id(ItemType.MOVIE, path),
        kind=ItemType.MOVIE,
        name=name,
        path=path,
        ancestors=ancestors,
        top=MOVIES.top,
        year=year,
        ticks=length(rng, 4_800, 9_000),
        size=size,
        keys=(providers["Imdb"], providers["Tmdb"]),
        providers=providers,
        rich=rich,
        columns=columns,
    )


def _version(movie: Item) -> Item:
    """Another file of a movie, which clients do not show beside the first."""
    path = f"{movie.stem} - Director’s Cut.mkv"
    columns = {name: value for name, value in movie.columns.items() if name != "ExtraIds"}
    columns["PrimaryVersionId"] = movie.identity.hex
    return replace(movie, identity=item_id(ItemType.MOVIE, path), path=path, rich=False, columns=columns)


def _trailer_path(folder: str) -> str:
    return f"{folder}/trailers/trailer.mkv"


def _trailer(rng: Random, movie: Item) -> Item:
    path = _trailer_path(movie.folder)
    return Item(
        identity=item_id(ItemType.TRAILER, path),
        kind=ItemType.TRAILER,
        name="trailer",
        path=path,
        top=movie.top,
        year=movie.year,
        ticks=length(rng, 60, 180),
        columns={"OwnerId": guid(movie.identity), "ExtraType": TRAILER, "UnratedType": "Trailer"},
    )
