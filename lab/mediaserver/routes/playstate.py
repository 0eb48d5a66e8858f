"""What clients report of their playback."""

from starlette.responses import Response

from ..call import Call, Endpoint
from ..inputs import Body
from ..playback import Report
from ..wire import no_content, problem, text_error


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    post = ("POST",)
    return [
        Endpoint(["/sessions/playing"], _started, methods=post),
        Endpoint(["/sessions/playing/progress"], _progressed, methods=post),
        Endpoint(["/sessions/playing/stopped"], _stopped, methods=post),
        Endpoint(["/sessions/playing/ping"], _ping, methods=post),
    ]


async def _started(call: Call) -> Response:
    call.server.transcodes()
    report = await _report(call, await call.body())
    await call.server.playback.started(call.caller.session(call.server), report)
    return no_content()


async def _progressed(call: Call) -> Response:
    call.server.transcodes()
    report = await _report(call, await call.body())
    await call.server.playback.progressed(call.caller.session(call.server), report)
    return no_content()


async def _stopped(call: Call) -> Response:
    call.server.transcodes()
    body = await call.body()
    if (body.number("PositionTicks") or 0) < 0:
        raise text_error(400)
    report = await _report(call, body)
    session = call.caller.session(call.server)
    await call.server.playback.stopped(session, report, failed=body.flag("Failed"))
    return no_content()


async def _ping(call: Call) -> Response:
    call.server.transcodes().ping(call.query.required("playSessionId"))
    return no_content()


async def _report(call: Call, body: Body) -> Report:
    item_id = body.guid("ItemId")
    item = await call.server.items.by_id(item_id) if item_id else None
    if item is None:
        raise problem(404, "Not Found")
    return Report(
        item=item,
        play_session_id=body.text("PlaySessionId") or "",
        media_source_id=body.text("MediaSourceId") or item.id.hex,
        position=body.number("PositionTicks"),
        paused=body.flag("IsPaused"),
        muted=body.flag("IsMuted"),
        can_seek=body.flag("CanSeek"),
        method=body.text("PlayMethod") or "DirectPlay",
        audio_index=body.number("AudioStreamIndex"),
        subtitle_index=body.number("SubtitleStreamIndex"),
        volume=body.number("VolumeLevel"),
        repeat=body.text("RepeatMode") or "RepeatNone",
    )
