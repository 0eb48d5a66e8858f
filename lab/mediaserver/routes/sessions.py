"""Sessions of this process, and what clients can do."""

from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from ..call import Call, Endpoint
from ..item_dto import item_dto
from ..sessions import Session
from ..wire import Json, no_content, problem


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    return [
        Endpoint(["/sessions"], _all),
        Endpoint(["/sessions/capabilities/full"], _capabilities, methods=("POST",)),
    ]


async def _all(call: Call) -> Response:
    return call.json([_dto(call, session) for session in call.server.sessions.all() if _is_meant(call, session)])


def _is_meant(call: Call, session: Session) -> bool:
    caller, query = call.caller, call.query
    if not caller.is_administrator and (caller.user is None or session.user_id != caller.user.id):
        return False
    controllable_by = query.guid("controllableByUserId")
    if controllable_by is not None and (not session.capabilities or session.user_id != controllable_by):
        return False
    device_id = query.text("deviceId")
    if device_id is not None and session.device_id != device_id:
        return False
    seconds = query.number("activeWithinSeconds")
    return not seconds or session.last_activity >= datetime.now(UTC) - timedelta(seconds=seconds)


def _dto(call: Call, session: Session) -> dict[str, Json]:
    playing = session.playing
    now_playing = None
    if playing is not None:
        now_playing = item_dto(
            playing.item, server_id=call.server.id, data=None, keys=(), streams=(), fields=frozenset({"path"})
        )
    return call.server.sessions.dto(session, now_playing)


async def _capabilities(call: Call) -> Response:
    body = await call.body()
    identity = call.query.text("id")
    session = call.server.sessions.by_id(identity) if identity else call.caller.session(call.server)
    if session is None:
        raise problem(404, "Not Found")
    session.capabilities = body
    return no_content()
