"""Seeding looks whether Redis asks for a password, without knocking again and again."""

from __future__ import annotations

from typing import cast

import pytest

from jellyfin_ha.operations.leases import Endpoint, seed
from tests.integration.conftest import RedisFactory

pytestmark = pytest.mark.integration


def test_a_redis_that_asks_for_a_password_is_tried_once_without_one(redis_server: RedisFactory) -> None:
    server = redis_server()

    seed(Endpoint(server.url))

    refusals = cast(dict[str, dict[str, int]], server.client().info("errorstats"))["errorstat_NOAUTH"]
    assert refusals["count"] == 1
