"""Stored user data, behind a cache that other processes never invalidate.

What was read once stays as it was read, and is written back as whole rows: two processes that serve one user
overwrite each other's changes, as Jellyfin's do.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from .database import Database
from .user_data_rules import UserData

_SELECT = """
SELECT "CustomDataKey" AS key, "Rating" AS rating, "PlaybackPositionTicks" AS position,
    "PlayCount" AS play_count, "IsFavorite" AS favorite, "LastPlayedDate" AS last_played, "Played" AS played,
    "AudioStreamIndex" AS audio_index, "SubtitleStreamIndex" AS subtitle_index, "Likes" AS likes,
    "RetentionDate" AS retention
FROM "UserData" WHERE "UserId" = %s AND "ItemId" = %s
"""
_UPSERT = """
INSERT INTO "UserData" ("ItemId", "UserId", "CustomDataKey", "Rating", "PlaybackPositionTicks", "PlayCount",
    "IsFavorite", "LastPlayedDate", "Played", "AudioStreamIndex", "SubtitleStreamIndex", "Likes",
    "RetentionDate")
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ("ItemId", "UserId", "CustomDataKey") DO UPDATE SET
    "Rating" = excluded."Rating", "PlaybackPositionTicks" = excluded."PlaybackPositionTicks",
    "PlayCount" = excluded."PlayCount", "IsFavorite" = excluded."IsFavorite",
    "LastPlayedDate" = excluded."LastPlayedDate", "Played" = excluded."Played",
    "AudioStreamIndex" = excluded."AudioStreamIndex", "SubtitleStreamIndex" = excluded."SubtitleStreamIndex",
    "Likes" = excluded."Likes", "RetentionDate" = excluded."RetentionDate"
"""


@dataclass(frozen=True)
class _Row:
    key: str
    rating: float | None
    position: int
    play_count: int
    favorite: bool
    last_played: datetime | None
    played: bool
    audio_index: int | None
    subtitle_index: int | None
    likes: bool | None
    retention: datetime | None

    def data(self) -> UserData:
        return UserData(
            self.rating,
            self.position,
            self.play_count,
            self.favorite,
            self.last_played,
            self.played,
            self.audio_index,
            self.subtitle_index,
            self.likes,
            self.retention,
        )


class UserDataStore:
    """Reads through the cache, writes whole rows.

    Args:
        capacity: how many user-item pairs are remembered (`CacheSize`).
    """

    def __init__(self, database: Database, capacity: int) -> None:
        self._database = database
        self._capacity = capacity
        self._cache: OrderedDict[tuple[UUID, UUID], UserData] = OrderedDict()

    async def get(self, user_id: UUID, item_id: UUID, keys: Sequence[str]) -> UserData:
        """What this process believes.

        Args:
            keys: the item's user-data keys; the first that has a row counts.
        """
        cached = self._cache.get((user_id, item_id))
        if cached is not None:
            self._cache.move_to_end((user_id, item_id))
            return cached
        rows = await self._database.fetch(_Row, _SELECT, (user_id, item_id))
        rank = {key: position for position, key in enumerate(keys)}
        rows.sort(key=lambda row: rank.get(row.key, len(rank)))
        data = rows[0].data() if rows else UserData()
        self._remember(user_id, item_id, data)
        return data

    async def save(self, user_id: UUID, item_id: UUID, keys: Sequence[str], data: UserData) -> None:
        """Writes one row for each key, all columns, in one transaction."""
        async with self._database.transaction() as connection:
            for key in keys:
                await connection.execute(
                    _UPSERT,
                    (
                        item_id,
                        user_id,
                        key,
                        data.rating,
                        data.position,
                        data.play_count,
                        data.favorite,
                        data.last_played,
                        data.played,
                        data.audio_index,
                        data.subtitle_index,
                        data.likes,
                        data.retention,
                    ),
                )
        self._remember(user_id, item_id, data)

    def _remember(self, user_id: UUID, item_id: UUID, data: UserData) -> None:
        self._cache[user_id, item_id] = data
        self._cache.move_to_end((user_id, item_id))
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
