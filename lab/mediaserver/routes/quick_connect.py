"""QuickConnect, as far as clients ask for it before a log-in."""

from starlette.responses import Response

from ..call import Access, Call, Endpoint


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    return [Endpoint(["/quickconnect/enabled"], _enabled, Access.ANYBODY)]


async def _enabled(call: Call) -> Response:
    return call.json(call.server.configuration.quick_connect_available)
