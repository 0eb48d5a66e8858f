"""One request, and the frame around every handler: phase, caller, permission, errors."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias
from uuid import UUID

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .auth_header import read_identity
from .caller import Caller, find_caller
from .client_address import client_address
from .inputs import Body, Query
from .server import MediaServer, Phase
from .wire import ApiError, Json, json_response, parse_guid, text_error

_LOG = logging.getLogger("Jellyfin.Api.Middleware.ExceptionMiddleware")


class Access(Enum):
    """Who may call an endpoint."""

    ANYBODY = "anybody"
    USER = "anybody with a good token"
    ADMINISTRATOR = "an administrator or an API key"


@dataclass(frozen=True)
class Call:
    """What a handler gets."""

    server: MediaServer
    request: Request
    query: Query
    caller: Caller

    async def body(self) -> Body:
        """The JSON body."""
        return Body.parse(await self.request.body())

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def path_guid(self, name: str) -> UUID:
        """A part of the path that is a GUID, or a 400."""
        return parse_guid(self.path(name))

    def user_id(self) -> UUID:
        """The user the call is about: in the path, in the query, or the caller."""
        in_path = self.request.path_params.get("user_id")
        asked = parse_guid(str(in_path)) if in_path else self.query.guid("userId")
        return self.caller.user_id_or(asked)

    def json(self, value: Json, status: int = 200) -> Response:
        """A JSON answer in the case the client asks for."""
        accept = self.request.headers.get("accept", "").lower().replace('"', "").replace(" ", "")
        return json_response(value, status=status, camel_case="profile=camelcase" in accept)


Handler: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """A handler with its address.

    Args:
        paths: in lower case.
        during_setup: whether it answers before the server is ready.
    """

    paths: Sequence[str]
    handler: Handler
    access: Access = Access.USER
    methods: Sequence[str] = ("GET",)
    during_setup: bool = False


def make_routes(server: MediaServer, endpoint: Endpoint) -> list[Route]:
    """The endpoint as routes of the web framework."""

    async def answer(request: Request) -> Response:
        if server.phase is not Phase.READY and not endpoint.during_setup:
            return HTMLResponse("<p>The server is starting.</p>", 503, {"Retry-After": "005"})
        try:
            query = Query(request.url.query)
            caller = await caller_of(server, request, query)
            _check(caller, endpoint.access)
            return await endpoint.handler(Call(server, request, query, caller))
        except ApiError as error:
            return error.response
        except Exception as error:
            _LOG.exception("Error processing request: %s. URL %s %s.", error, request.method, request.url.path)
            return text_error(500).response

    return [Route(path, answer, methods=list(endpoint.methods)) for path in endpoint.paths]


async def caller_of(server: MediaServer, connection: HTTPConnection, query: Query) -> Caller:
    """The caller of a request or of a socket."""
    headers = connection.headers
    peer = connection.client.host if connection.client else ""
    configuration = server.configuration
    address = client_address(peer, headers.get("x-forwarded-for"), configuration.known_proxies)
    identity = read_identity(headers, query, legacy=configuration.legacy_authorization)
    return await find_caller(server, identity, address)


def _check(caller: Caller, access: Access) -> None:
    if access is Access.ANYBODY:
        return
    if not caller.is_known:
        raise ApiError(401)
    # A log-in whose user is gone passes authentication and no policy.
    gone = caller.user is None and not caller.is_api_key
    if gone or (access is Access.ADMINISTRATOR and not caller.is_administrator):
        raise ApiError(403)
