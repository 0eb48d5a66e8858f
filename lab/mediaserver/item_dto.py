"""Items as clients see them."""

import json
from collections.abc import Sequence
from uuid import UUID

from .item_query import physical_folders
from .items import Item, Stream
from .media_source import media_source, stream_dto
from .schema.identifiers import md5_guid
from .schema.kinds import ItemType
from .user_data_rules import UserData
from .wire import Json, date_text


def item_dto(
    item: Item,
    *,
    server_id: str,
    data: UserData | None,
    keys: Sequence[str],
    streams: Sequence[Stream],
    fields: frozenset[str] | None,
) -> dict[str, Json]:
    """Jellyfin's BaseItemDto.

    Args:
        data: the asking user's data, or None to leave it out.
        keys: the item's user-data keys.
        streams: its streams; may be empty when neither they nor the sources are asked for.
        fields: lower-case names asked for, or None for all (a single item).
    """

    def asked(name: str) -> bool:
        return fields is None or name in fields

    dto: dict[str, Json] = {
        "Name": item.name,
        "ServerId": server_id,
        "Id": item.id,
        "Type": item.kind,
        "IsFolder": item.is_folder,
        "MediaType": item.media_type or "Unknown",
        "LocationType": "FileSystem",
        "RunTimeTicks": item.runtime,
        "ProductionYear": item.year,
        "PremiereDate": item.premiere,
        "OfficialRating": item.official_rating,
        "CommunityRating": item.community_rating,
        "IndexNumber": item.index_number,
        "ParentIndexNumber": item.parent_index,
        "SeriesId": item.series_id,
        "SeriesName": item.series_name,
        "SeasonId": item.season_id,
        "SeasonName": item.season_name,
        "ImageTags": {},
        "BackdropImageTags": [],
    }
    if item.clr_type == ItemType.COLLECTION_FOLDER:
        dto["CollectionType"] = collection_type(item)
    if not item.is_folder:
        dto["VideoType"] = "VideoFile"
    optional: dict[str, Json] = {
        "Etag": etag(item),
        "DateCreated": item.created,
        "SortName": item.sort_name,
        "Path": item.path,
        "ParentId": item.parent_id,
        "Overview": item.overview,
        "Genres": [genre for genre in (item.genres or "").split("|") if genre],
        "Taglines": [item.tagline] if item.tagline else [],
        "CanDelete": False,
        "CanDownload": not item.is_folder,
    }
    dto.update({name: value for name, value in optional.items() if asked(name.lower())})
    if not item.is_folder:
        if asked("path"):
            dto["Container"] = item.container
        if asked("mediasources"):
            dto["MediaSources"] = [media_source(item, streams)]
        if asked("mediastreams"):
            dto["MediaStreams"] = [stream_dto(stream) for stream in streams]
    if data is not None:
        dto["UserData"] = user_data_dto(data, item, keys)
    return dto


def user_data_dto(data: UserData, item: Item, keys: Sequence[str]) -> dict[str, Json]:
    """Jellyfin's UserItemDataDto."""
    percentage = 100.0 * data.position / item.runtime if item.runtime and data.position else None
    return {
        "Rating": data.rating,
        "PlayedPercentage": percentage,
        "PlaybackPositionTicks": data.position,
        "PlayCount": data.play_count,
        "IsFavorite": data.favorite,
        "Likes": data.likes,
        "LastPlayedDate": data.last_played,
        "Played": data.played,
        "Key": keys[0] if keys else item.id.hex,
        "ItemId": item.id,
    }


def collection_type(view: Item) -> str | None:
    """What a library holds, e.g. `movies`."""
    data: object = json.loads(view.data or "{}")
    kind: object = data.get("CollectionType") if isinstance(data, dict) else None
    return str(kind) if kind else None


def etag(item: Item) -> str:
    """Changes when the item's file does."""
    return md5_guid(f"{item.id}{date_text(item.modified) if item.modified else ''}").hex


def views_of(views: Sequence[Item], allowed: Sequence[UUID] | None) -> tuple[list[Item], list[UUID]]:
    """The libraries a user may see, and the physical folders behind them."""
    seen = [view for view in views if allowed is None or view.id in allowed]
    return seen, [folder for view in seen for folder in physical_folders(view)]
