"""Streams: files as they are, playlists, segments."""

from pathlib import Path

import anyio
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from ..call import Access, Call, Endpoint
from ..encoding import Encoding, output_name, read_encoding
from ..items import Item
from ..playlists import main_playlist, master_playlist
from ..segments import Segment, SegmentRequest, find_segment
from ..wire import no_content, problem

_PLAYLIST = "application/x-mpegURL"


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    head = ("GET", "HEAD")
    return [
        Endpoint(["/videos/activeencodings"], _end_encodings, methods=("DELETE",)),
        Endpoint(["/videos/{item_id}/master.m3u8"], _master, methods=head),
        Endpoint(["/videos/{item_id}/main.m3u8"], _main, methods=head),
        Endpoint(["/videos/{item_id}/hls1/{playlist_id}/{segment_id:int}.ts"], _segment),
        # No token is asked for here, as in Jellyfin.
        Endpoint(["/videos/{item_id}/stream", "/videos/{item_id}/stream.{container}"], _stream, Access.ANYBODY, head),
    ]


async def _end_encodings(call: Call) -> Response:
    device_id = call.query.required("deviceId")
    play_session_id = call.query.required("playSessionId")
    await call.server.transcodes().kill(play_session_id, device_id)
    return no_content()


async def _master(call: Call) -> Response:
    encoding, _ = await _encoding(call)
    text = master_playlist(encoding, call.query.raw)
    return Response(text, media_type=_PLAYLIST, headers={"Expires": "0"})


async def _main(call: Call) -> Response:
    encoding, _ = await _encoding(call)
    return Response(main_playlist(encoding, call.query.raw), media_type=_PLAYLIST)


async def _segment(call: Call) -> Response:
    query = call.query
    query.required("runtimeTicks")
    query.required("actualSegmentLengthTicks")
    if (query.number("startTimeTicks") or 0) > 0:
        raise problem(400, "StartTimeTicks is not allowed.")
    encoding, item = await _encoding(call)
    device_id = query.text("deviceId") or call.caller.identity.device_id or ""
    play_session_id = query.text("playSessionId") or ""
    user_agent = call.request.headers.get("user-agent", "")
    wanted = SegmentRequest(
        encoding=encoding,
        name=output_name(item.path or "", user_agent, device_id, play_session_id),
        number=int(call.path("segment_id")),
        device_id=device_id,
        play_session_id=play_session_id,
    )
    segment = await find_segment(call.server.transcodes(), wanted, call.request.is_disconnected)
    return _SegmentResponse(segment)


class _SegmentResponse(FileResponse):
    """Sends a segment; its end counts as a sign of life for the encoder."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment.path, media_type="video/mp2t")
        self._job = segment.job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        job = self._job
        if job is None:
            await super().__call__(scope, receive, send)
            return
        job.active_requests += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            job.active_requests -= 1
            job.ping()


async def _stream(call: Call) -> Response:
    call.server.transcodes()
    if not call.query.flag("static"):
        raise problem(400, "Only static streams are served; others go by HLS.")
    item = await _item(call)
    path = Path(item.path or "")
    if not await anyio.Path(path).is_file():
        raise problem(404, "Not Found")
    return FileResponse(path)


async def _encoding(call: Call) -> tuple[Encoding, Item]:
    call.server.transcodes()
    item = await _item(call)
    return read_encoding(call.query, item, await call.server.items.streams(item.id)), item


async def _item(call: Call) -> Item:
    item_id = call.query.guid("mediaSourceId") or call.path_guid("item_id")
    item = await call.server.items.by_id(item_id)
    if item is None or item.is_folder or not item.path:
        raise problem(404, "Not Found")
    return item
