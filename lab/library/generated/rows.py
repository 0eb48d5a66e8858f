"""All rows of a generated database, parents before children, one after the other."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from random import Random
from typing import TypeAlias

from jellyfin_ha.operations.progress import Progress

from ...mediaserver.schema.kinds import ItemType
from ..folders import ROOT, root_rows
from ..values import Row, Tables, guid
from . import item_values
from .accounts import account_tables
from .base_items import VIDEO_KINDS, base_row
from .history import activity_rows, detached_rows, user_data_rows
from .insides import inside_tables
from .item import Item
from .links import link_tables
from .movies import movies
from .music import music
from .others import by_name, television
from .people import People
from .shelves import SHELVES
from .shows import shows
from .streams import stream_rows

# A table's name and a row of it.
TableRow: TypeAlias = tuple[str, Row]

# Shares of the items; movies are the rest.
SHARES = ((shows, 0.465), (music, 0.335), (by_name, 0.04), (television, 0.005))
PEOPLE_AN_ITEM = 0.25
PROGRESS_ITEMS = 500


def database_rows(rng: Random, items: int, progress: Progress) -> Iterator[TableRow]:
    """The rows, made as they are asked for.

    Args:
        items: rows of `BaseItems`.
        progress: told how many of them are made.
    """
    yield from _each(account_tables(rng))
    people = People(int(items * PEOPLE_AN_ITEM))
    yield from _of("Peoples", people.rows())
    yield from _of("ItemValues", item_values.fixed_rows())
    fixed = [*root_rows(), *chain.from_iterable(shelf.rows() for shelf in SHELVES)]
    yield from _of("BaseItems", fixed)
    yield from _of("AncestorIds", ({"ItemId": shelf.top, "ParentItemId": guid(ROOT)} for shelf in SHELVES))
    for number, item in enumerate(_items(rng, items - len(fixed))):
        if number % PROGRESS_ITEMS == 0:
            progress(f"{number:,} of {items:,} items", number / items)
        yield from _item_rows(rng, item, people)
    yield from _of("UserData", detached_rows(rng, items))
    yield from _of("ActivityLogs", activity_rows(rng, items))


def _items(rng: Random, number: int) -> Iterator[Item]:
    parts = [(make(rng), int(number * share)) for make, share in SHARES]
    parts.append((movies(rng), number - sum(size for _, size in parts)))
    return chain.from_iterable(islice(made, size) for made, size in parts)


def _item_rows(rng: Random, item: Item, people: People) -> Iterator[TableRow]:
    values = item_values.choose(rng, item)
    yield "BaseItems", base_row(rng, item, item_values.columns(values))
    if item.kind == ItemType.MUSIC_ARTIST:
        yield from _of("ItemValues", item_values.artist_rows(item))
    yield from _of("ItemValuesMap", item_values.map_rows(item, values))
    yield from _of("PeopleBaseItemMap", people.cast(rng, item))
    yield from _each(link_tables(rng, item))
    if item.ticks:
        yield from _of("MediaStreamInfos", stream_rows(rng, item))
    if item.kind in VIDEO_KINDS:
        yield from _each(inside_tables(rng, item))
    yield from _of("UserData", user_data_rows(rng, item))


def _of(table: str, rows: Iterable[Row]) -> Iterator[TableRow]:
    for row in rows:
        yield table, row


def _each(tables: Tables) -> Iterator[TableRow]:
    for table, rows in tables.items():
        yield from _of(table, rows)
