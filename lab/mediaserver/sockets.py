"""WebSockets: keep-alive, and the good-bye of an orderly stop."""

import asyncio
import time
from contextlib import suppress
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from .inputs import Body
from .sessions import Session, Sessions
from .wire import ApiError, Json

# Jellyfin's numbers: what it tells clients, when it looks, when it reminds them, when it gives up.
KEEP_ALIVE_SECONDS = 60
CHECK_SECONDS = 12.0
REMIND_SECONDS = 45.0
GOING_AWAY = 1001


class Sockets:
    """All open sockets of this process."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._heard: dict[WebSocket, float] = {}
        self._open: set[WebSocket] = set()

    async def serve(self, socket: WebSocket, session: Session) -> None:
        """Talks to one client until it leaves; the last socket takes its session along."""
        await socket.accept()
        session.sockets.add(socket)
        self._open.add(socket)
        self._heard[socket] = time.monotonic()
        try:
            await _send(socket, "ForceKeepAlive", KEEP_ALIVE_SECONDS)
            while True:
                await self._answer(socket, await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            # Starlette says RuntimeError when the other side closed before a message could be sent.
            pass
        finally:
            self._open.discard(socket)
            self._heard.pop(socket, None)
            session.sockets.discard(socket)
            if not session.sockets:
                self._sessions.end(session.id)

    async def watch(self) -> None:
        """Reminds silent clients, then no longer listens for them; runs until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = time.monotonic()
            for socket, heard in list(self._heard.items()):
                if now - heard >= KEEP_ALIVE_SECONDS:
                    del self._heard[socket]
                elif now - heard > REMIND_SECONDS:
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await _send(socket, "ForceKeepAlive", KEEP_ALIVE_SECONDS)

    async def shut_down(self) -> None:
        """Tells every client that the server goes, and closes."""
        for socket in list(self._open):
            with suppress(WebSocketDisconnect, RuntimeError):
                await _send(socket, "ServerShuttingDown", "")
                await socket.close(GOING_AWAY, "System Shutdown")

    async def _answer(self, socket: WebSocket, text: str) -> None:
        try:
            message = Body.parse(text.encode())
        except ApiError:
            return
        if message.text("MessageType") == "KeepAlive":
            self._heard[socket] = time.monotonic()
            await _send(socket, "KeepAlive")


async def _send(socket: WebSocket, kind: str, data: Json = None) -> None:
    if socket.application_state is not WebSocketState.CONNECTED:
        return
    message: dict[str, object] = {"MessageType": kind, "MessageId": uuid4().hex}
    if data is not None:
        message["Data"] = data
    await socket.send_json(message)
