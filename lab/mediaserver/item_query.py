"""Turns the query of `/Items` into a selection."""

import json
from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg import sql

from .database import Value
from .inputs import Query
from .items import Item, Selection
from .schema.kinds import ItemType

_PLAYED_DATE = '(SELECT max(d."LastPlayedDate") FROM "UserData" d WHERE d."ItemId" = b."Id" AND d."UserId" = {user})'
_ORDERS: dict[str, LiteralString] = {
    "sortname": 'b."SortName"',
    "name": 'b."Name"',
    "datecreated": 'b."DateCreated"',
    "premieredate": 'b."PremiereDate"',
    "productionyear": 'b."ProductionYear"',
    "runtime": 'b."RunTimeTicks"',
    "communityrating": 'b."CommunityRating"',
    "indexnumber": 'b."IndexNumber"',
    "parentindexnumber": 'b."ParentIndexNumber"',
    "random": "random()",
    "dateplayed": _PLAYED_DATE,
}
_USER_DATA = 'EXISTS (SELECT 1 FROM "UserData" d WHERE d."ItemId" = b."Id" AND d."UserId" = {user} AND {what})'
_FILTERS: dict[str, tuple[bool, LiteralString]] = {
    "isresumable": (True, 'd."PlaybackPositionTicks" > 0'),
    "isplayed": (True, 'd."Played"'),
    "isunplayed": (False, 'd."Played"'),
    "isfavorite": (True, 'd."IsFavorite"'),
    "likes": (True, 'd."Likes"'),
}


def physical_folders(view: Item) -> list[UUID]:
    """The folders on disk that a library shows."""
    data: object = json.loads(view.data or "{}")
    folders: object = data.get("PhysicalFolderIds", []) if isinstance(data, dict) else []
    return [UUID(str(folder)) for folder in folders] if isinstance(folders, list) else []


class _Conditions:
    def __init__(self) -> None:
        self.parts: list[sql.Composable] = [
            sql.SQL('NOT b."IsVirtualItem" AND b."ExtraType" IS NULL AND b."Path" IS NOT NULL')
        ]
        self.values: list[Value] = []

    def add(self, part: sql.Composable, *values: Value) -> None:
        self.parts.append(part)
        self.values.extend(values)


def build_selection(
    query: Query, user_id: UUID, parent: Item | None, visible: Sequence[UUID], *, resumable: bool = False
) -> Selection:
    """The rows a client asks for.

    Args:
        query: the parameters of `/Items`.
        user_id: whose user data filters and sorts.
        parent: the folder in question, or None for everything visible.
        visible: physical folders the user may see.
        resumable: only what was begun, latest first (`/UserItems/Resume`).
    """
    conditions = _Conditions()
    conditions.add(sql.SQL('(b."TopParentId" = ANY(%s) OR b."Id" = ANY(%s))'), list(visible), list(visible))
    if parent is not None:
        _add_parent(conditions, parent, recursive=resumable or query.flag("recursive"))
    _add_kinds(conditions, query)
    ids = query.guids("ids")
    if ids:
        conditions.add(sql.SQL('b."Id" = ANY(%s)'), ids)
    term = query.text("searchTerm")
    if term:
        conditions.add(sql.SQL('b."Name" ILIKE %s'), f"%{term}%")
    filters = [name.lower() for name in query.words("filters")]
    for name in [*filters, *(["isresumable"] if resumable else [])]:
        _add_filter(conditions, name, user_id)
    order = sql.SQL(_PLAYED_DATE + ' DESC NULLS LAST, b."Id"').format(user=sql.Literal(user_id))
    return Selection(
        where=sql.SQL(" AND ").join(conditions.parts),
        values=conditions.values,
        order=order if resumable else _order(query, user_id),
        start=max(query.number("startIndex") or 0, 0),
        limit=query.number("limit"),
    )


def _add_parent(conditions: _Conditions, parent: Item, *, recursive: bool) -> None:
    if recursive:
        ancestor = 'EXISTS (SELECT 1 FROM "AncestorIds" a WHERE a."ItemId" = b."Id" AND a."ParentItemId" = %s)'
        conditions.add(sql.SQL(ancestor), parent.id)
    elif parent.clr_type == ItemType.COLLECTION_FOLDER:
        conditions.add(sql.SQL('b."ParentId" = ANY(%s)'), physical_folders(parent))
    else:
        conditions.add(sql.SQL('b."ParentId" = %s'), parent.id)


def _add_kinds(conditions: _Conditions, query: Query) -> None:
    kind = sql.SQL("lower(substring(b.\"Type\" from '[^.]*$')) = ANY(%s)")
    included = [name.lower() for name in query.words("includeItemTypes")]
    if included:
        conditions.add(kind, included)
    excluded = [name.lower() for name in query.words("excludeItemTypes")]
    if excluded:
        conditions.add(sql.SQL("NOT {}").format(kind), excluded)
    media_types = [name.lower() for name in query.words("mediaTypes")]
    if media_types:
        conditions.add(sql.SQL('lower(b."MediaType") = ANY(%s)'), media_types)


def _add_filter(conditions: _Conditions, name: str, user_id: UUID) -> None:
    if name in ("isfolder", "isnotfolder"):
        conditions.add(sql.SQL('b."IsFolder" = %s'), name == "isfolder")
    elif name in _FILTERS:
        wanted, what = _FILTERS[name]
        exists = sql.SQL(_USER_DATA).format(user=sql.Literal(user_id), what=sql.SQL(what))
        conditions.add(exists if wanted else sql.SQL("NOT {}").format(exists))


def _order(query: Query, user_id: UUID) -> sql.Composable:
    directions = [word.lower() for word in query.words("sortOrder")] or ["ascending"]
    parts: list[sql.Composable] = []
    for position, name in enumerate(query.words("sortBy")):
        column = _ORDERS.get(name.lower())
        if column is None:
            continue
        direction = directions[min(position, len(directions) - 1)]
        ending = sql.SQL(" DESC NULLS LAST" if direction == "descending" else " ASC NULLS FIRST")
        parts.append(sql.SQL(column).format(user=sql.Literal(user_id)) + ending)
    return sql.SQL(", ").join([*parts, sql.SQL('b."SortName", b."Id"')])
