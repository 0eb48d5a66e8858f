"""The endpoints, grouped as in Jellyfin's API."""

from ..call import Endpoint
from . import library, playback_info, playstate, quick_connect, sessions, system, tasks, users, videos


def all_endpoints() -> list[Endpoint]:
    """Every endpoint of this server."""
    groups = (system, users, library, playback_info, videos, playstate, sessions, tasks, quick_connect)
    return [endpoint for group in groups for endpoint in group.endpoints()]
