"""What a client may do with a file."""

from uuid import uuid4

from starlette.responses import Response

from ..call import Call, Endpoint
from ..inputs import Body
from ..media_source import PlaybackRequest, prepared_source
from ..sessions import session_id
from ..wire import Json, problem


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    return [Endpoint(["/items/{item_id}/playbackinfo"], _playback_info, methods=("GET", "POST"))]


async def _playback_info(call: Call) -> Response:
    body = await call.body()
    item = await call.server.items.by_id(call.path_guid("item_id"))
    if item is None or item.is_folder:
        raise problem(404, "Not Found")
    identity = call.caller.identity
    wanted = PlaybackRequest(
        profile=body.nested("DeviceProfile") or _saved_profile(call),
        max_bitrate=body.number("MaxStreamingBitrate") or call.query.number("maxStreamingBitrate"),
        audio_index=body.number("AudioStreamIndex"),
        direct_play=body.flag("EnableDirectPlay", True),
        direct_stream=body.flag("EnableDirectStream", True),
        transcoding=body.flag("EnableTranscoding", True),
        device_id=identity.device_id or "",
        token=identity.token or "",
        play_session_id=uuid4().hex,
    )
    source = prepared_source(item, await call.server.items.streams(item.id), wanted)
    answer: dict[str, Json] = {
        "MediaSources": [source] if source else [],
        "PlaySessionId": wanted.play_session_id,
        "ErrorCode": None if source else "NoCompatibleStream",
    }
    return call.json(answer)


def _saved_profile(call: Call) -> Body | None:
    identity = call.caller.identity
    session = call.server.sessions.by_id(session_id(identity.client or "", identity.device_id or ""))
    capabilities = session.capabilities if session else None
    return capabilities.nested("DeviceProfile") if capabilities else None
