"""Users and their log-ins."""

from dataclasses import replace

from starlette.responses import Response

from ..call import Access, Call, Endpoint
from ..login import log_in
from ..schema.kinds import PermissionKind
from ..sessions import session_id
from ..user_dto import user_dto
from ..wire import message_error, no_content, text_error


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    return [
        Endpoint(["/users/public"], _public, Access.ANYBODY),
        Endpoint(["/users/authenticatebyname"], _authenticate, Access.ANYBODY, ("POST",)),
        Endpoint(["/users/me"], _me),
        Endpoint(["/users"], _all),
        Endpoint(["/users/{user_id}"], _one),
        Endpoint(["/sessions/logout"], _logout, methods=("POST",)),
    ]


async def _public(call: Call) -> Response:
    users = await call.server.users.all()
    hidden = (PermissionKind.IS_HIDDEN, PermissionKind.IS_DISABLED)
    shown = [user for user in users if not any(user.may(kind) for kind in hidden)]
    return call.json([user_dto(user, call.server.id) for user in shown])


async def _all(call: Call) -> Response:
    return call.json([user_dto(user, call.server.id) for user in await call.server.users.all()])


async def _authenticate(call: Call) -> Response:
    body = await call.body()
    server = call.server
    user, device = await log_in(server, call.caller, body.text("Username"), body.text("Pw") or "")
    session = replace(call.caller, user=user, device=device).session(server)
    return call.json(
        {
            "User": user_dto(user, server.id),
            "SessionInfo": server.sessions.dto(session, None),
            "AccessToken": device.token,
            "ServerId": server.id,
        }
    )


async def _me(call: Call) -> Response:
    if call.caller.user is None:
        raise text_error(400)
    return call.json(user_dto(call.caller.user, call.server.id))


async def _one(call: Call) -> Response:
    user = await call.server.users.by_id(call.path_guid("user_id"))
    if user is None:
        raise message_error(404, "User not found")
    return call.json(user_dto(user, call.server.id))


async def _logout(call: Call) -> Response:
    device = call.caller.device
    if device is not None:
        call.server.sessions.end(session_id(device.client, device.device_id))
        await call.server.tokens.revoke(device)
    return no_content()
