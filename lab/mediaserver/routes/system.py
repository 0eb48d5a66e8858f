"""Health, ping, and what the server tells of itself."""

import platform
from datetime import UTC, datetime

from starlette.responses import PlainTextResponse, Response

from .. import JELLYFIN_VERSION
from ..call import Access, Call, Endpoint
from ..server import Phase
from ..wire import Json


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    anybody = Access.ANYBODY
    return [
        Endpoint(["/health"], _health, anybody, ("GET", "HEAD"), during_setup=True),
        Endpoint(["/system/ping"], _ping, anybody, ("GET", "POST")),
        Endpoint(["/system/info/public"], _public_info, anybody),
        Endpoint(["/system/info"], _info),
        Endpoint(["/getutctime"], _utc_time, anybody),
    ]


async def _health(call: Call) -> Response:
    phase = call.server.phase
    if phase is Phase.READY and not await call.server.database.can_connect():
        phase = Phase.FAILED
    return PlainTextResponse(phase.value, 503 if phase is Phase.FAILED else 200)


async def _ping(call: Call) -> Response:
    return call.json("Jellyfin Server")


async def _public_info(call: Call) -> Response:
    return call.json(_public(call))


async def _info(call: Call) -> Response:
    settings = call.server.settings
    details: dict[str, Json] = {
        "HasPendingRestart": False,
        "IsShuttingDown": False,
        "SupportsLibraryMonitor": True,
        "WebSocketPortNumber": call.server.configuration.http_port,
        "CompletedInstallations": [],
        "CanSelfRestart": True,
        "ProgramDataPath": str(settings.data_dir),
        "WebPath": "",
        "CachePath": str(settings.cache_dir),
        "LogPath": str(settings.log_dir),
        "TranscodingTempPath": str(call.server.configuration.transcode_dir),
        "CastReceiverApplications": [],
        "HasUpdateAvailable": False,
        "EncoderLocation": "Custom",
        "SystemArchitecture": platform.machine(),
    }
    return call.json(_public(call) | details)


async def _utc_time(call: Call) -> Response:
    received = datetime.now(UTC)
    return call.json({"RequestReceptionTime": received, "ResponseTransmissionTime": datetime.now(UTC)})


def _public(call: Call) -> dict[str, Json]:
    server = call.server
    own = f"{call.request.url.scheme}://{call.request.url.netloc}"
    return {
        "LocalAddress": server.settings.published_url or own,
        "ServerName": server.configuration.server_name,
        "Version": JELLYFIN_VERSION,
        "ProductName": "Jellyfin Server",
        "OperatingSystem": "",
        "Id": server.id,
        "StartupWizardCompleted": server.configuration.wizard_completed,
    }
