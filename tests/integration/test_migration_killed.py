"""Killed at any moment, the migration leaves the target as it was."""

from __future__ import annotations

import signal
import subprocess
import sys

import psycopg
import pytest

from jellyfin_ha.operations.migration import migrate, read_record
from tests.integration.migration_library import Library, state
from tests.integration.processes import wait_until

pytestmark = pytest.mark.integration

# Migrates, says when it reaches a stage, and stays there until it is killed.
STOP_AT_STAGE = """
import signal, sys
from pathlib import Path
from jellyfin_ha.operations.migration import migrate

def stop(message, fraction=None, /):
    if message.startswith(sys.argv[3]) and (fraction is None or fraction >= float(sys.argv[4])):
        print("there", flush=True)
        signal.pause()

migrate(Path(sys.argv[1]), sys.argv[2], progress=stop)
"""
STAGES = [
    ("copying AccessSchedules", 0.0),
    ("copying UserData", 0.4),
    ("checking foreign keys", 0.5),
    ("verifying BaseItems", 0.5),
    ("verifying Users", 1.0),
    ("committing", 1.0),
]


@pytest.mark.parametrize(("stage", "fraction"), STAGES, ids=[stage for stage, _ in STAGES])
def test_a_migration_killed_at_a_stage_changes_nothing(
    stage: str, fraction: float, library: Library, target: str
) -> None:
    before = state(target)
    arguments = [sys.executable, "-c", STOP_AT_STAGE, str(library.path), target, stage, str(fraction)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"there\n"
        finally:
            running.kill()
        assert running.wait(10) == -signal.SIGKILL
    _wait_for_rollback(target)

    assert state(target) == before
    assert read_record(target) is None
    assert not migrate(library.path, target).already_migrated


def _wait_for_rollback(target: str) -> None:
    """Until PostgreSQL has noticed that its client is gone."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(target, autocommit=True) as connection:
        wait_until(
            lambda: connection.execute(others).fetchone() == (0,), seconds=20, what="the rollback of a dead client"
        )
