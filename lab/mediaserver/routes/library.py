"""Views, items, and what was begun."""

from uuid import UUID

from starlette.responses import Response

from ..call import Call, Endpoint
from ..item_dto import item_dto, views_of
from ..item_query import build_selection
from ..items import Item, Page
from ..schema.kinds import ItemType
from ..wire import Json, message_error, problem


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    return [
        Endpoint(["/userviews", "/users/{user_id}/views"], _views),
        Endpoint(["/items", "/users/{user_id}/items"], _items),
        Endpoint(["/useritems/resume", "/users/{user_id}/items/resume"], _resume),
        Endpoint(["/items/{item_id}", "/users/{user_id}/items/{item_id}"], _item),
    ]


async def _views(call: Call) -> Response:
    user_id = call.user_id()
    views, _ = await _visible(call, user_id)
    return await _envelope(call, Page(views, len(views)), user_id, start=0)


async def _items(call: Call) -> Response:
    query = call.query
    user_id = call.user_id()
    views, folders = await _visible(call, user_id)
    parent_id = query.guid("parentId")
    parent = await call.server.items.by_id(parent_id) if parent_id else None
    if parent_id and parent is None:
        raise problem(404, "Not Found")
    if parent is not None and parent.clr_type == ItemType.COLLECTION_FOLDER and parent not in views:
        raise message_error(401, f"Library {parent.name} is not permitted.")
    if parent is None and not query.flag("recursive") and not query.words("ids"):
        return await _envelope(call, Page(views, len(views)), user_id, start=0)
    if parent is not None and parent.clr_type in (ItemType.AGGREGATE_FOLDER, ItemType.USER_ROOT_FOLDER):
        if not query.flag("recursive"):
            return await _envelope(call, Page(views, len(views)), user_id, start=0)
        parent = None
    selection = build_selection(query, user_id, parent, folders)
    return await _envelope(call, await call.server.items.page(selection), user_id, start=selection.start)


async def _resume(call: Call) -> Response:
    user_id = call.user_id()
    _, folders = await _visible(call, user_id)
    parent_id = call.query.guid("parentId")
    parent = await call.server.items.by_id(parent_id) if parent_id else None
    selection = build_selection(call.query, user_id, parent, folders, resumable=True)
    return await _envelope(call, await call.server.items.page(selection), user_id, start=selection.start)


async def _item(call: Call) -> Response:
    user_id = call.user_id()
    item = await call.server.items.by_id(call.path_guid("item_id"))
    if item is None:
        raise problem(404, "Not Found")
    return call.json(await _dto(call, item, user_id, None))


async def _visible(call: Call, user_id: UUID) -> tuple[list[Item], list[UUID]]:
    user = await call.server.users.by_id(user_id)
    if user is None:
        raise message_error(404, "User not found")
    return views_of(await call.server.items.views(), user.folders())


async def _envelope(call: Call, page: Page, user_id: UUID, *, start: int) -> Response:
    fields = frozenset(name.lower() for name in call.query.words("fields"))
    counted = call.query.flag("enableTotalRecordCount", True)
    dtos = [await _dto(call, item, user_id, fields) for item in page.items]
    return call.json({"Items": dtos, "TotalRecordCount": page.total if counted else 0, "StartIndex": start})


async def _dto(call: Call, item: Item, user_id: UUID, fields: frozenset[str] | None) -> dict[str, Json]:
    items = call.server.items
    keys = await items.user_data_keys(item.id)
    data = None
    if call.query.flag("enableUserData", True):
        data = await call.server.user_data.get(user_id, item.id, keys)
    needs_streams = not item.is_folder and (fields is None or bool(fields & {"mediasources", "mediastreams"}))
    return item_dto(
        item,
        server_id=call.server.id,
        data=data,
        keys=keys,
        streams=await items.streams(item.id) if needs_streams else (),
        fields=fields,
    )
