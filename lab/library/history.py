"""What the sample's users have watched, and what the server noted."""

from collections.abc import Sequence
from uuid import UUID

from ..mediaserver.schema import PLACEHOLDER_ID
from .items import FILM_FACTS, SERIES, clip_id
from .recipe import COLOUR_BARS, FIRST_EPISODE, PAL_BARS, SECOND_EPISODE, TEST_CARD, TICKS_PER_SECOND, Clip
from .users import ALICE_ID, BOB_ID
from .values import Row, Stored, Tables, guid, moment

# Where the two stopped in the first film, in seconds.
ALICE_STOPPED_AT = 123
BOB_STOPPED_AT = 200


def history_tables() -> Tables:
    """Rows of the watch history and of the activity log."""
    return {"UserData": _user_data(), "ActivityLogs": _activity()}


def _keys(clip: Clip) -> list[str]:
    _, _, _, imdb, tmdb = FILM_FACTS.get(clip, ("", 0, 0, None, None))
    return [key for key in (imdb, tmdb) if key] + [str(clip_id(clip))]


def _data(item: UUID, user: UUID, keys: Sequence[str], **others: Stored) -> list[Row]:
    return [
        {
            "ItemId": guid(item),
            "UserId": guid(user),
            "CustomDataKey": key,
            "IsFavorite": 0,
            "PlayCount": 1,
            "PlaybackPositionTicks": 0,
            "Played": 0,
            **others,
        }
        for key in keys
    ]


def _user_data() -> list[Row]:
    begun = TICKS_PER_SECOND * ALICE_STOPPED_AT + 4_560_000
    return [
        *_data(
            clip_id(TEST_CARD),
            ALICE_ID,
            _keys(TEST_CARD),
            PlaybackPositionTicks=begun,
            PlayCount=2,
            LastPlayedDate=moment(15, 1_234_567),
            AudioStreamIndex=1,
            SubtitleStreamIndex=-1,
            IsFavorite=1,
            Likes=1,
            Rating=8.5,
        ),
        *_data(
            clip_id(COLOUR_BARS),
            ALICE_ID,
            _keys(COLOUR_BARS),
            Played=1,
            LastPlayedDate=moment(14),
            AudioStreamIndex=2,
        ),
        *_data(
            clip_id(FIRST_EPISODE),
            ALICE_ID,
            _keys(FIRST_EPISODE),
            PlaybackPositionTicks=60 * TICKS_PER_SECOND,
            LastPlayedDate=moment(16),
        ),
        *_data(clip_id(SECOND_EPISODE), ALICE_ID, _keys(SECOND_EPISODE), Played=1, LastPlayedDate=moment(13)),
        *_data(SERIES, ALICE_ID, [str(SERIES)], IsFavorite=1, PlayCount=0),
        *_data(
            clip_id(TEST_CARD),
            BOB_ID,
            _keys(TEST_CARD),
            PlaybackPositionTicks=BOB_STOPPED_AT * TICKS_PER_SECOND,
            LastPlayedDate=moment(17, 42),
        ),
        *_data(clip_id(PAL_BARS), BOB_ID, _keys(PAL_BARS), IsFavorite=1, PlayCount=0, Likes=0),
        # Of a film that was deleted: kept for a while, in case it comes back.
        *_data(PLACEHOLDER_ID, BOB_ID, ["tt9900009"], Played=1, RetentionDate=moment(18)),
    ]


def _activity() -> list[Row]:
    entries: tuple[tuple[str, str, UUID, str | None], ...] = (
        ("User alice has been created", "UserCreated", ALICE_ID, None),
        ("User bob has been created", "UserCreated", BOB_ID, None),
        ("alice successfully authenticated", "AuthenticationSucceeded", ALICE_ID, None),
        ("alice is playing Test Card on Television", "VideoPlayback", ALICE_ID, clip_id(TEST_CARD).hex),
    )
    return [
        {
            "Id": number,
            "Name": name,
            "Overview": "192.0.2.10" if kind == "AuthenticationSucceeded" else None,
            "ShortOverview": "IP address: 192.0.2.10" if kind == "AuthenticationSucceeded" else None,
            "Type": kind,
            "UserId": guid(user),
            "ItemId": item,
            "DateCreated": moment(number, number),
            "LogSeverity": 2,
            "RowVersion": 0,
        }
        for number, (name, kind, user, item) in enumerate(entries, 1)
    ]
