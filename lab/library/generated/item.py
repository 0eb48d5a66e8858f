"""A generated item, and the random values that items share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from struct import pack, unpack
from uuid import UUID

from ...mediaserver.schema.kinds import ItemType
from ..recipe import TICKS_PER_SECOND
from ..values import Stored, guid, moment

# Days from the server's first to the last of its life.
LIFE_DAYS = 260
TICKS_PER_MILLISECOND = TICKS_PER_SECOND // 1000
FULL_HD = (1920, 1080)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of the library, as much of it as other tables need.

    Args:
        identity: its id.
        kind: its type.
        name: its title.
        path: the file or folder as the server sees it; None when it has none.
        ancestors: keys of what stands above it, nearest first.
        top: key of the library's folder.
        year: of its production.
        ticks: how long it plays, in 100 ns; 0 for what cannot be played.
        size: width and height of its picture, in pixels.
        keys: what its user data is stored under, besides its id.
        providers: its ids elsewhere, by provider.
        artists: who made it, for music.
        rich: one of the few files that have everything: fonts, wide colours, previews, locked metadata, a trailer.
        columns: the columns of `BaseItems` that only its kind has.
    """

    identity: UUID
    kind: ItemType
    name: str
    path: str | None = None
    ancestors: tuple[str, ...] = ()
    top: str | None = None
    year: int | None = None
    ticks: int = 0
    size: tuple[int, int] = FULL_HD
    keys: tuple[str, ...] = ()
    providers: Mapping[str, str] = field(default_factory=dict[str, str])
    artists: tuple[str, ...] = ()
    rich: bool = False
    columns: Mapping[str, Stored] = field(default_factory=dict[str, Stored])

    @property
    def key(self) -> str:
        """The id as it is stored."""
        return guid(self.identity)

    @property
    def stem(self) -> str:
        """The path without its extension."""
        return (self.path or "").rpartition(".")[0]

    @property
    def folder(self) -> str:
        """The folder that the path lies in."""
        return (self.path or "").rpartition("/")[0]

    @property
    def metadata(self) -> str:
        """Where the server keeps what it found for the item, as it stores such paths."""
        return f"%MetadataPath%/library/{self.identity.hex[:2]}/{self.identity.hex}"


def below(rng: Random, limit: int) -> int:
    """A random number from 0 to limit - 1; faster than `randrange`."""
    return int(rng.random() * limit)


def between(rng: Random, least: int, most: int) -> int:
    """A random number from `least` to `most`."""
    return least + below(rng, most - least + 1)


def chance(rng: Random, share: float) -> bool:
    """True for that share of the calls."""
    return rng.random() < share


def length(rng: Random, least: int, most: int) -> int:
    """A playing time in ticks that is whole milliseconds, as ffprobe tells it; limits in seconds."""
    return between(rng, least * 1000, most * 1000) * TICKS_PER_MILLISECOND


def some_day(rng: Random, first: float = 0.0, last: float = LIFE_DAYS) -> str:
    """A date in the server's life, to 100 ns; limits in days after its first."""
    return moment(first + rng.random() * (last - first), below(rng, 10))


def single(value: float) -> float:
    """What is left of a number that .NET holds as a `float`."""
    (result,) = unpack("<f", pack("<f", value))
    return result


def digits(rng: Random, limit: int) -> str:
    """A number as a text, as most providers' ids are."""
    return str(below(rng, limit) + 1)


def imdb_id(rng: Random) -> str:
    """An id of IMDb."""
    return f"tt{between(rng, 1_000_000, 9_999_999)}"


def random_guid(rng: Random) -> UUID:
    """A GUID as servers make them for new rows."""
    return UUID(int=rng.getrandbits(128), version=4)
