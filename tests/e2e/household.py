"""What the people of a household do and see."""

from __future__ import annotations

from typing import Any

import httpx
from jellyfin_apiclient_python import JellyfinClient
from jellyfin_apiclient_python.exceptions import HTTPException

from jellyfin_ha.lab.library import SampleUser
from tests.e2e.conftest import Stack
from tests.integration.mediaserver_processes import logged_in

# Jellyfin counts in ticks of 100 ns.
SECOND = 10_000_000
FILM = "Colour Bars"


def film(client: JellyfinClient) -> dict[str, Any]:
    """A film that nobody has begun."""
    found = client.jellyfin.get_user_items(
        recursive=True, include_item_types="Movie", start_index=0, limit=50, sort_by="SortName"
    )
    return next(item for item in found["Items"] if item["Name"] == FILM)


def pod_address(stack: Stack, pod: str) -> str:
    """The address of one replica, past the Service."""
    return "http://" + stack.kubectl("get", "pod", pod, "--output", "jsonpath={.status.podIP}") + ":8096"


def lets_in(url: str, user: SampleUser) -> bool:
    """Whether a server takes a log-in, for which it must reach its database."""
    try:
        logged_in(url, user.name, user.password, "doorstep").stop()
    except (AssertionError, HTTPException):
        return False
    return True


def answers(url: str) -> bool:
    """Whether a healthy server answers there."""
    try:
        return httpx.get(f"{url}/health", timeout=3, trust_env=False).text == "Healthy"
    except httpx.TransportError:
        return False
