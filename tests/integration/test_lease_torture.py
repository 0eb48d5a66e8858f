"""Leases keep their promises whatever happens to the processes that hold them and to Redis: a short run.

The long one is tests/long/test_lease_torture_long.py, which `make test-long` runs.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.integration.conftest import RedisFactory
from tests.integration.lease_checker import SHOWN, violations
from tests.integration.lease_evidence import evidence
from tests.integration.lease_torture import torture

pytestmark = pytest.mark.integration

SECONDS = 8.0


def test_leases_keep_their_promises_through_everything_once(
    redis_server: RedisFactory, tmp_path: Path, chance: random.Random
) -> None:
    with torture(redis_server(), tmp_path, chance) as tortured:
        entries = tortured.run(SECONDS)

    assert min(tortured.harms().values()) > 0
    wrong = violations(entries)
    assert not wrong, "\n".join([f"{len(wrong)} violations; the logs are in {tmp_path}", *wrong[:SHOWN]])
    assert evidence(entries).missing() == []
