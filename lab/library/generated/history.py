"""What the generated library's users have watched, and what the server noted."""

from collections.abc import Iterator
from random import Random

from ...mediaserver.schema import PLACEHOLDER_ID
from ..users import ALICE, BOB
from ..values import Row, Stored, guid, moment
from .accounts import OTHERS, user_ids
from .item import LIFE_DAYS, Item, below, between, chance, imdb_id, some_day
from .names import ANY_TITLE, title
from .traits import traits_of

USERS = tuple(guid(user) for user in user_ids())
NAMES = (ALICE.name, BOB.name, *OTHERS)
# Entries of the log, and user data of deleted items, for each item that is there.
ENTRIES_AN_ITEM, DETACHED_AN_ITEM = 0.06, 0.002
KINDS = {
    "VideoPlayback": "{} is playing {} on Salon – téléviseur",
    "VideoPlaybackStopped": "{} has finished playing {} on Salon – téléviseur",
    "AuthenticationSucceeded": "{} successfully authenticated",
    "AuthenticationFailed": "Failed login try from {}",
    "SessionStarted": "{} is online from Pixel 8",
    "SessionEnded": "{} has disconnected from Pixel 8",
}
# `ActivityLogs.LogSeverity`
INFORMATION, ERROR = 2, 4


def user_data_rows(rng: Random, item: Item) -> Iterator[Row]:
    """Rows of `UserData` of an item, for whoever has played or liked it; one for each key of the item."""
    if not chance(rng, traits_of(item.kind).watched):
        return
    first = below(rng, len(USERS))
    for user in range(first, first + between(rng, 1, 2)):
        facts = _facts(rng, item)
        for key in (*item.keys, str(item.identity)):
            yield {"ItemId": item.key, "UserId": USERS[user % len(USERS)], "CustomDataKey": key, **facts}


def _facts(rng: Random, item: Item) -> Row:
    played = bool(item.ticks) and chance(rng, 0.8)
    row: dict[str, Stored] = {
        "IsFavorite": int(chance(rng, 0.1)),
        "PlayCount": between(rng, 1, 4) if played else 0,
        "PlaybackPositionTicks": 0,
        "Played": int(played),
        "LastPlayedDate": some_day(rng) if played else None,
        "Likes": int(chance(rng, 0.8)) if chance(rng, 0.05) else None,
        "Rating": float(below(rng, 11)) if chance(rng, 0.02) else None,
    }
    if played and chance(rng, 0.2):
        row |= {
            "Played": 0,
            "PlaybackPositionTicks": below(rng, item.ticks),
            "AudioStreamIndex": 1,
            "SubtitleStreamIndex": -1 if chance(rng, 0.5) else 2,
        }
    return row


def detached_rows(rng: Random, items: int) -> Iterator[Row]:
    """Rows of `UserData` of items that are gone: kept for a while, in case they come back."""
    for number in range(1 + int(items * DETACHED_AN_ITEM)):
        yield {
            "ItemId": guid(PLACEHOLDER_ID),
            "UserId": USERS[number % len(USERS)],
            # Ids are random and could meet; the number keeps them apart.
            "CustomDataKey": f"{imdb_id(rng)}{number}",
            "IsFavorite": 0,
            "PlayCount": 1,
            "PlaybackPositionTicks": 0,
            "Played": 1,
            "LastPlayedDate": some_day(rng, 0, LIFE_DAYS / 2),
            "RetentionDate": some_day(rng, LIFE_DAYS / 2, LIFE_DAYS),
        }


def activity_rows(rng: Random, items: int) -> Iterator[Row]:
    """Rows of `ActivityLogs`, oldest first; old ones were deleted, so the numbers do not start at 1."""
    entries = int(items * ENTRIES_AN_ITEM)
    number = entries // 3
    for position in range(entries):
        number += 1 if chance(rng, 0.98) else between(rng, 2, 20)
        user, kind = below(rng, len(USERS)), rng.choice(list(KINDS))
        playback = kind.startswith("Video")
        failed = kind.endswith("Failed")
        yield {
            "Id": number,
            "Name": KINDS[kind].format(NAMES[user], title(below(rng, ANY_TITLE))),
            "Overview": "The password was wrong." if failed else None,
            "ShortOverview": None if playback else f"IP address: 192.0.2.{between(rng, 1, 254)}",
            "Type": kind,
            "UserId": USERS[user],
            "ItemId": f"{rng.getrandbits(128):032x}" if playback else None,
            "DateCreated": moment(position * LIFE_DAYS / entries, below(rng, 10)),
            "LogSeverity": ERROR if failed else INFORMATION,
            "RowVersion": 0,
        }
