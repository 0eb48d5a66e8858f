"""The web application around a media server."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from .call import caller_of, make_routes
from .inputs import Query
from .routes import all_endpoints
from .server import MediaServer, Phase
from .wire import ERROR_TEXT, ApiError

# Old clients put these before every path.
_PREFIXES = ("/emby/", "/mediabrowser/")


def make_app(server: MediaServer) -> ASGIApp:
    """The application; it starts and stops nothing by itself."""
    routes: list[BaseRoute] = []
    for endpoint in all_endpoints():
        routes += make_routes(server, endpoint)

    async def socket(websocket: WebSocket) -> None:
        await _serve_socket(server, websocket)

    # Any path takes a socket, as in Jellyfin.
    routes.append(WebSocketRoute("/{path:path}", socket))
    handlers = {HTTPException: _empty_answer}
    return _PathMiddleware(Starlette(routes=routes, exception_handlers=handlers))  # type: ignore[arg-type]


class _PathMiddleware:
    """Paths in any case, with or without a trailing slash, with the old prefixes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = str(scope["path"]).lower()
            for prefix in _PREFIXES:
                if path.startswith(prefix):
                    path = path[len(prefix) - 1 :]
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


async def _serve_socket(server: MediaServer, websocket: WebSocket) -> None:
    try:
        if server.phase is not Phase.READY:
            raise ApiError(503)
        caller = await caller_of(server, websocket, Query(websocket.url.query))
        if not caller.is_known:
            raise ApiError(403, PlainTextResponse(ERROR_TEXT, 403))
    except ApiError as error:
        await websocket.send_denial_response(error.response)
        return
    await server.sockets.serve(websocket, caller.session(server))


async def _empty_answer(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    return Response(status_code=status, headers=headers)
