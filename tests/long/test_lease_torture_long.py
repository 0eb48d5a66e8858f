"""Leases keep their promises through a minute of everything that can happen to their holders and to Redis."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.integration.conftest import RedisFactory
from tests.integration.lease_checker import SHOWN, violations
from tests.integration.lease_evidence import evidence
from tests.integration.lease_torture import torture

pytestmark = pytest.mark.long

SECONDS = 60.0
# Of each harm: all of them take their turns.
LEAST_HARMS = 2
LEAST_EVIDENCE = 2


def test_leases_keep_their_promises_for_a_minute(
    redis_server: RedisFactory, tmp_path: Path, chance: random.Random
) -> None:
    with torture(redis_server(), tmp_path, chance) as tortured:
        entries = tortured.run(SECONDS)

    shown = evidence(entries)
    print(shown)
    wrong = violations(entries)
    assert not wrong, "\n".join([f"{len(wrong)} violations; the logs are in {tmp_path}", *wrong[:SHOWN]])
    assert min(tortured.harms().values()) >= LEAST_HARMS, tortured.harms()
    assert shown.missing(LEAST_EVIDENCE) == []
