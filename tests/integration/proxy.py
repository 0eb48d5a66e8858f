"""Proxies between a client and a server: one can fall silent, so that connections stay open and nothing passes any
more; another loses answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
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


class CuttingProxy(Proxy):
    """Loses answers: a connection ends when the server answers a chosen question, before the client hears of it.

    Args:
        to: the server's port.
        chosen: whether to lose the answer to what a client has sent.
        times: how often; None for always.
        told: of each loss, once the server has answered.
    """

    def __init__(
        self, to: int, chosen: Callable[[bytes], bool], *, times: int | None, told: Callable[[], None]
    ) -> None:
        self._chosen = chosen
        self._left = times
        self._told = told
        self._lost: set[socket.socket] = set()
        super().__init__(to)

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        while content := one.recv(PORTION):
            if one in self._lost:
                self._told()
                for end in (one, other):
                    end.shutdown(socket.SHUT_RDWR)
                return
            if one.getpeername()[1] != self._to and self._left != 0 and self._chosen(content):
                self._left = None if self._left is None else self._left - 1
                self._lost.add(other)
            other.sendall(content)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def cutting_proxy(
    to: int, chosen: Callable[[bytes], bool], *, times: int | None, told: Callable[[], None]
) -> Generator[CuttingProxy]:
    """A proxy that loses answers, for as long as the block runs; see `CuttingProxy`."""
    proxy = CuttingProxy(to, chosen, times=times, told=told)
    try:
        yield proxy
    finally:
        proxy.close()
