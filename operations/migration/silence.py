"""Ends a connection from which nothing is heard any more, also where TCP keeps it: behind a proxy or a tunnel."""

import os
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg

# What libpq takes at least for a connection's time limit.
LEAST_CONNECT_SECONDS = 2
# What the watch's own sessions call themselves.
APPLICATION = "jellyfin-ha watch"


class Silence:
    """Whether a server has fallen silent.

    A long statement (an index, the commit) makes no traffic by itself, and a tunnel acknowledges what it never passes
    on. So short connections of their own ask now and then whether the server answers. Only silence counts: a server
    that refuses them (too many connections) is there.

    Args:
        connection: what to end; its socket is kept open beside it.
        target: how to connect.
        seconds: how long nothing must be heard.
    """

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]], target: str, seconds: float) -> None:
        self.noticed = False
        self._target = target
        self._seconds = seconds
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        # Nobody waits for it: it may be in the middle of connecting.
        threading.Thread(target=self._watch, name="silence", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        with self._lock:
            self._stopped.set()
            self._socket.close()

    def _watch(self) -> None:
        heard = time.monotonic()
        while not self._stopped.wait(self._seconds / 6):
            if self._answers():
                heard = time.monotonic()
            elif time.monotonic() - heard >= self._seconds:
                self._end()
                return

    def _answers(self) -> bool:
        patience = max(round(self._seconds / 3), LEAST_CONNECT_SECONDS)
        try:
            psycopg.connect(self._target, connect_timeout=patience, application_name=APPLICATION).close()
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.Error:
            return True
        return True

    def _end(self) -> None:
        with self._lock:
            if not self._stopped.is_set():
                self.noticed = True
                # Whoever waits for the connection is told that it has ended.
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def listening(connection: psycopg.Connection[tuple[object, ...]], target: str, seconds: float) -> Generator[Silence]:
    """Ends the connection if nothing is heard from the server while the block runs."""
    silence = Silence(connection, target, seconds)
    try:
        yield silence
    finally:
        silence.stop()
