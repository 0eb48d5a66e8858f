"""A port-forward finds a local port wherever one is free."""

import asyncio
import random
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import pytest
from kr8s.asyncio.objects import Pod

from jellyfin_ha.operations.cluster import forwarded

POD = {"metadata": {"name": "jellyfin-0", "namespace": "jellyfin"}, "spec": {}}


@contextmanager
def a_client_connection() -> Generator[int]:
    """The local port of an outgoing connection: nobody listens there, and nobody can."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        yield client.getsockname()[1]


def test_a_port_that_another_program_connects_from_is_not_taken_for_a_free_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_client_connection() as taken:
        # kr8s draws ports by chance and takes one that refuses connections for a free one.
        monkeypatch.setattr(random, "randint", lambda *_: taken)

        async def forward() -> int:
            async with forwarded(Pod(POD), 5432) as local:
                return local

        assert asyncio.run(forward()) != taken
