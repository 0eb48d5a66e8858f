"""Generated items without files: what is found by name (genres, studios, people), and what a tuner left."""

from collections.abc import Iterator
from itertools import count
from random import Random

from ...mediaserver.schema.identifiers import item_id
from ...mediaserver.schema.kinds import ItemType
from ..values import guid, moment, sample_guid
from .item import LIFE_DAYS, Item, below, chance, digits
from .names import ANY_TITLE, SERIES_TITLES, person_name, title
from .vocabulary import GENRES, MUSIC_GENRES, STUDIOS

PROGRAMS_A_CHANNEL = 30
SERVICE = "Emby"


def by_name(rng: Random) -> Iterator[Item]:
    """The items that stand for genres, studios and, without end, people."""
    for kind, folder, names in (
        (ItemType.GENRE, "Genre", GENRES[:4]),
        (ItemType.MUSIC_GENRE, "MusicGenre", MUSIC_GENRES),
        (ItemType.STUDIO, "Studio", STUDIOS),
        (ItemType.GENRE, "Genre", GENRES[4:]),
    ):
        for name in names:
            yield _named(kind, folder, name, {})
    for number in count():
        name = person_name(number)
        yield _named(ItemType.PERSON, f"People/{name[0]}", name, {"Tmdb": digits(rng, 4_999_999)})


def _named(kind: ItemType, folder: str, name: str, providers: dict[str, str]) -> Item:
    # Jellyfin's ids of such items do not tell upper from lower case.
    return Item(
        identity=item_id(kind, f"/config/metadata/{folder}/{name}".lower()),
        kind=kind,
        name=name,
        path=f"%MetadataPath%/{folder}/{name}",
        keys=(f"{kind.rpartition('.')[2]}-{name}",),
        providers=providers,
    )


def television(rng: Random) -> Iterator[Item]:
    """Channels and programmes of a tuner."""
    for number in count(1):
        channel = Item(
            identity=sample_guid(f"channel {number}"),
            kind=ItemType.CHANNEL,
            name=f"Kanał {number}",
            columns={"ExternalId": f"hdhr_{number}", "ExternalServiceId": SERVICE},
        )
        yield channel
        for slot in range(PROGRAMS_A_CHANNEL):
            yield _program(rng, channel, number, slot)


def _program(rng: Random, channel: Item, number: int, slot: int) -> Item:
    """A programme of an hour."""
    begins = LIFE_DAYS + slot / 24
    return Item(
        identity=sample_guid(f"programme {number} {slot}"),
        kind=ItemType.PROGRAM,
        name=title(SERIES_TITLES + below(rng, 400)),
        year=2025,
        columns={
            "ChannelId": guid(channel.identity),
            "StartDate": moment(begins),
            "EndDate": moment(begins + 1 / 24),
            "EpisodeTitle": title(below(rng, ANY_TITLE)),
            "ExternalId": f"programme-{number}-{slot}",
            "ExternalSeriesId": f"series-{below(rng, 999)}",
            "ExternalServiceId": SERVICE,
            "ShowId": f"SH{below(rng, 99_999_999):08}",
            # 2 is "stereo".
            "Audio": 2,
            "IsRepeat": int(chance(rng, 0.3)),
            "IsVirtualItem": 1,
        },
    )
