"""A proxy between a client and a server that can fall silent: connections stay open, and nothing passes any more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

PORTION = 1 << 16


class Proxy:
    """Forwards TCP connections from a port of loopback to another."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._silent = threading.Event()
        self._closed = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(self._listener)
        self._start(self._accept)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def fall_silent(self) -> None:
        """From now on nothing passes; who connects is accepted and hears nothing."""
        self._silent.set()

    def close(self) -> None:
        """End all connections."""
        self._closed.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            self._sockets.append(client)
            if self._silent.is_set():
                continue
            server = socket.create_connection(("127.0.0.1", self._to))
            self._sockets.append(server)
            self._start(self._pump, client, server)
            self._start(self._pump, server, client)

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        while content := one.recv(PORTION):
            if self._silent.is_set():
                self._closed.wait()
                return
            other.sendall(content)
        if not self._silent.is_set():
            other.shutdown(socket.SHUT_WR)

    @staticmethod
    def _start(work: object, *arguments: object) -> None:
        def run() -> None:
            with suppress(OSError):
                work(*arguments)  # type: ignore[operator]

        threading.Thread(target=run, daemon=True).start()


@contextmanager
def silent_proxy(to: int) -> Generator[Proxy]:
    """A proxy to a port of loopback for as long as the block runs."""
    proxy = Proxy(to)
    try:
        yield proxy
    finally:
        proxy.close()
