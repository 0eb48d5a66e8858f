"""The server's settings as code: what is declared in Jellyfin's XML files before a server starts."""

import json
from collections.abc import Mapping
from typing import NotRequired, TypedDict

from .server_images import ServerFlavor
from .server_pod import CACHE, PORT, TRANSCODE

# Elements are texts or lists, as components/server_config/xml_file.py writes them.
Elements = dict[str, str | list[str]]

# The scheduled task that updates plugins: each server would delete the files that the other runs from. A file `[]`
# says that nothing starts it; its name is the MD5 of the task's type name, the same in every installation.
PLUGIN_UPDATES = "config/ScheduledTasks/f9b057c0-54e9-e6da-ee4a-88ffd146a403.js"
DATABASE = "config/database.xml"


class ServerConfiguration(TypedDict):
    """Settings that are declared; what is absent is left to the dashboard, unless it says otherwise."""

    base_url: NotRequired[str]
    """The path under which clients reach the server, such as "/jellyfin"; none when absent."""

    known_proxies: NotRequired[list[str]]
    """Addresses and networks whose X-Forwarded-For counts."""

    metrics: NotRequired[bool]
    """Whether /metrics answers."""

    quick_connect: NotRequired[bool]
    """Whether QuickConnect is offered."""

    auto_discovery: NotRequired[bool]
    """Whether the server answers broadcasts on UDP port 7359; False when absent."""

    encoding: NotRequired[dict[str, str]]
    """Elements of encoding.xml, such as HardwareAccelerationType, and their values."""

    close_wizard: NotRequired[bool]
    """Whether a migration brought users, so that nobody may be offered to make the first one; False when absent."""


def base_url(configuration: ServerConfiguration) -> str:
    """What stands before every path of the server: nothing, or a path that begins with a slash."""
    path = configuration.get("base_url", "").strip("/")
    return f"/{path}" if path else ""


def declared(configuration: ServerConfiguration, flavor: ServerFlavor) -> str:
    """All that is declared, as components/server_config reads it (JSON)."""
    files: Mapping[str, tuple[str, Elements]] = {
        "config/system.xml": ("ServerConfiguration", _system(configuration)),
        "config/network.xml": ("NetworkConfiguration", _network(configuration)),
        "config/encoding.xml": (
            "EncodingOptions",
            {"TranscodingTempPath": TRANSCODE, **configuration.get("encoding", {})},
        ),
    }
    return json.dumps(
        {
            "xml": {path: {"root": root, "elements": elements} for path, (root, elements) in files.items()},
            "texts": {PLUGIN_UPDATES: "[]"},
            "own": {DATABASE: flavor.database_xml} if flavor.database_xml is not None else {},
        },
        indent=2,
        sort_keys=True,
    )


def _system(configuration: ServerConfiguration) -> Elements:
    elements: Elements = {"CachePath": CACHE}
    if "metrics" in configuration:
        elements["EnableMetrics"] = _flag(configuration["metrics"])
    if "quick_connect" in configuration:
        elements["QuickConnectAvailable"] = _flag(configuration["quick_connect"])
    if configuration.get("close_wizard", False):
        elements["IsStartupWizardCompleted"] = _flag(True)
    return elements


def _network(configuration: ServerConfiguration) -> Elements:
    """What the pod, its probes and the Service rely on is declared as well: TLS ends before it."""
    elements: Elements = {
        "BaseUrl": base_url(configuration),
        "AutoDiscovery": _flag(configuration.get("auto_discovery", False)),
        "InternalHttpPort": str(PORT),
        "LocalNetworkAddresses": [],
        "EnableHttps": _flag(False),
        "RequireHttps": _flag(False),
    }
    if "known_proxies" in configuration:
        elements["KnownProxies"] = configuration["known_proxies"]
    return elements


def _flag(value: bool) -> str:
    return "true" if value else "false"
