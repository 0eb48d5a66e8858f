"""Genres, studios, tags and artists of generated items."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import TypeAlias

from ...mediaserver.schema.identifiers import md5_guid
from ...mediaserver.schema.kinds import ItemType
from ..values import Row, guid
from .item import Item, between
from .names import clean
from .traits import traits_of
from .vocabulary import GENRES, MUSIC_GENRES, STUDIOS, TAGS

# `ItemValues.Type`
ARTIST, ALBUM_ARTIST, GENRE, STUDIO, TAG = 0, 1, 2, 3, 4
MUSIC_KINDS = frozenset({ItemType.AUDIO, ItemType.MUSIC_ALBUM, ItemType.MUSIC_ARTIST})
FIXED = {GENRE: GENRES + MUSIC_GENRES, STUDIO: STUDIOS, TAG: TAGS}

# The values of one item by type, each once.
Values: TypeAlias = Mapping[int, tuple[str, ...]]


def fixed_rows() -> Iterator[Row]:
    """Rows of `ItemValues` of genres, studios and tags."""
    for kind, values in FIXED.items():
        for value in values:
            yield _value_row(kind, value)


def artist_rows(artist: Item) -> Iterator[Row]:
    """Rows of `ItemValues` of one artist."""
    for kind in (ARTIST, ALBUM_ARTIST):
        yield _value_row(kind, artist.name)


def choose(rng: Random, item: Item) -> Values:
    """Values for an item, as many as its kind has."""
    traits = traits_of(item.kind)
    genres = MUSIC_GENRES if item.kind in MUSIC_KINDS else GENRES
    pools = ((GENRE, genres, traits.genres), (STUDIO, STUDIOS, traits.studios), (TAG, TAGS, traits.tags))
    chosen = {
        kind: tuple(dict.fromkeys(rng.choices(pool, k=between(rng, 1, most)))) for kind, pool, most in pools if most
    }
    return chosen | {ARTIST: item.artists, ALBUM_ARTIST: item.artists[:1]}


def columns(values: Values) -> Row:
    """The columns of `BaseItems` that repeat them."""
    names = {"Genres": GENRE, "Studios": STUDIO, "Tags": TAG}
    return {name: "|".join(values[kind]) for name, kind in names.items() if kind in values}


def map_rows(item: Item, values: Values) -> Iterator[Row]:
    """Rows of `ItemValuesMap` of an item."""
    for kind, names in values.items():
        for name in names:
            yield {"ItemValueId": _key(kind, name), "ItemId": item.key}


def _key(kind: int, value: str) -> str:
    return guid(md5_guid(f"generated value {kind} {value}"))


def _value_row(kind: int, value: str) -> Row:
    return {"ItemValueId": _key(kind, value), "Type": kind, "Value": value, "CleanValue": clean(value)}
