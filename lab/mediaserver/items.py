"""Library items, read from the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from uuid import UUID

from psycopg import sql

from .database import Database, Value
from .schema.kinds import ItemType

_COLUMNS = sql.SQL("""
b."Id" AS id, b."Type" AS clr_type, coalesce(b."Name", '') AS name, b."SortName" AS sort_name,
b."Path" AS path, b."ParentId" AS parent_id, b."RunTimeTicks" AS runtime, b."ProductionYear" AS year,
b."PremiereDate" AS premiere, b."DateCreated" AS created, b."DateModified" AS modified,
b."Overview" AS overview, b."MediaType" AS media_type, b."IsFolder" AS is_folder, b."Width" AS width,
b."Height" AS height, b."Size" AS size, b."TotalBitrate" AS bitrate, b."IndexNumber" AS index_number,
b."ParentIndexNumber" AS parent_index, b."SeriesId" AS series_id, b."SeriesName" AS series_name,
b."SeasonId" AS season_id, b."SeasonName" AS season_name, b."OfficialRating" AS official_rating,
b."CommunityRating" AS community_rating, b."Genres" AS genres, b."Tagline" AS tagline, b."Data" AS data
""")


@dataclass(frozen=True)
class Item:
    """One item; `runtime` in ticks of 100 ns."""

    id: UUID
    clr_type: str
    name: str
    sort_name: str | None
    path: str | None
    parent_id: UUID | None
    runtime: int | None
    year: int | None
    premiere: datetime | None
    created: datetime | None
    modified: datetime | None
    overview: str | None
    media_type: str | None
    is_folder: bool
    width: int | None
    height: int | None
    size: int | None
    bitrate: int | None
    index_number: int | None
    parent_index: int | None
    series_id: UUID | None
    series_name: str | None
    season_id: UUID | None
    season_name: str | None
    official_rating: str | None
    community_rating: float | None
    genres: str | None
    tagline: str | None
    data: str | None

    @property
    def kind(self) -> str:
        """The type as clients know it, e.g. `Movie`."""
        return self.clr_type.rsplit(".", 1)[-1]

    @property
    def container(self) -> str | None:
        """The file's extension."""
        return PurePosixPath(self.path).suffix.lstrip(".") or None if self.path else None


@dataclass(frozen=True)
class Stream:
    """One audio, video or subtitle stream."""

    index: int
    kind: int
    codec: str | None
    language: str | None
    title: str | None
    is_default: bool
    is_forced: bool
    is_external: bool
    path: str | None
    width: int | None
    height: int | None
    frame_rate: float | None
    bitrate: int | None
    channels: int | None
    channel_layout: str | None
    sample_rate: int | None
    profile: str | None
    level: float | None
    pixel_format: str | None


@dataclass(frozen=True)
class Page:
    """One page of a result: the rows asked for, and how many there are in all."""

    items: list[Item]
    total: int


@dataclass(frozen=True)
class Selection:
    """A prepared query: conditions with their values, and an order."""

    where: sql.Composable
    values: Sequence[Value]
    order: sql.Composable
    start: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class _Count:
    count: int


@dataclass(frozen=True)
class _Text:
    text: str


class Items:
    """Reads items; knows nothing of who may see them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_id(self, item_id: UUID) -> Item | None:
        """The item of that id."""
        found = await self.select(Selection(sql.SQL('b."Id" = %s'), [item_id], sql.SQL('b."Id"')))
        return found[0] if found else None

    async def views(self) -> list[Item]:
        """The libraries, by name."""
        where = sql.SQL('b."Type" = %s')
        return await self.select(Selection(where, [str(ItemType.COLLECTION_FOLDER)], sql.SQL('b."SortName", b."Name"')))

    async def page(self, selection: Selection) -> Page:
        """The rows a selection asks for and the number of all rows that fit."""
        statement = sql.SQL('SELECT count(*) AS count FROM "BaseItems" b WHERE {}').format(selection.where)
        counts = await self._database.fetch(_Count, statement, selection.values)
        return Page(await self.select(selection), counts[0].count)

    async def select(self, selection: Selection) -> list[Item]:
        """The rows a selection asks for."""
        statement = sql.SQL('SELECT {} FROM "BaseItems" b WHERE {} ORDER BY {} OFFSET %s LIMIT %s').format(
            _COLUMNS, selection.where, selection.order
        )
        values: list[Value] = [*selection.values, selection.start, selection.limit]
        return await self._database.fetch(Item, statement, values)

    async def streams(self, item_id: UUID) -> list[Stream]:
        """The streams of a file, in order."""
        return await self._database.fetch(
            Stream,
            'SELECT "StreamIndex" AS index, "StreamType" AS kind, "Codec" AS codec, "Language" AS language, '
            '"Title" AS title, "IsDefault" AS is_default, "IsForced" AS is_forced, '
            '"IsExternal" AS is_external, "Path" AS path, "Width" AS width, "Height" AS height, '
            '"AverageFrameRate" AS frame_rate, "BitRate" AS bitrate, "Channels" AS channels, '
            '"ChannelLayout" AS channel_layout, "SampleRate" AS sample_rate, "Profile" AS profile, '
            '"Level" AS level, "PixelFormat" AS pixel_format '
            'FROM "MediaStreamInfos" WHERE "ItemId" = %s ORDER BY "StreamIndex"',
            (item_id,),
        )

    async def user_data_keys(self, item_id: UUID) -> list[str]:
        """The keys under which user data of an item is stored: IMDb id, TMDb id, then the item's own id."""
        rows = await self._database.fetch(
            _Text,
            'SELECT "ProviderValue" AS text FROM "BaseItemProviders" '
            'WHERE "ItemId" = %s AND lower("ProviderId") IN (\'imdb\', \'tmdb\') ORDER BY lower("ProviderId")',
            (item_id,),
        )
        return [*(row.text for row in rows), str(item_id)]
