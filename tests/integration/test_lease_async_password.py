"""A password that is not in the URL lets asyncio programs in, without words in the log."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from jellyfin_ha.operations.leases import Endpoint, Patience
from tests.integration.conftest import RedisFactory

pytestmark = pytest.mark.integration


def test_a_password_from_a_file_lets_an_asyncio_program_in_silently(
    redis_server: RedisFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = redis_server()
    file = tmp_path / "password"
    file.write_text(f"{server.password}\n")

    async def ask() -> bool:
        endpoint = Endpoint(f"redis://{server.host}:{server.port}/0", password_file=file)
        async with endpoint.async_client(Patience(tries=1)) as client:
            return bool(await client.ping())

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(ask())
    assert caplog.messages == []
