"""Killed at any moment, the migration leaves the target as it was, or complete; the way back leaves no file."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from jellyfin_ha.operations.migration import migrate, read_record
from jellyfin_ha.operations.migration.record import CREATE
from tests.integration.conftest import ServerTemplate
from tests.integration.forks import Fork, Tell, forked
from tests.integration.migration_library import (
    Library,
    make_library,
    run,
    slow_commit,
    state,
    wait_for_commit,
    wait_until_alone,
)
from tests.integration.moments import Activity, Moment, Phase, Place, moments
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration

KILLS = 12
# The longest that a kill comes after the asking in whose midst it is meant to be; most take less.
WITHIN_SECONDS = 0.003
# How long the server takes for COMMIT, and the kills in it, in seconds since it was seen to run.
COMMIT_SECONDS = 0.25
DURING_COMMIT = (0.0, 0.05, 0.1, 0.15, 0.2, 0.24, 0.25, 0.26)


@pytest.fixture(scope="session")
def whole(
    postgres_server: PostgresServer, new_server: ServerTemplate, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """The state of a target into which `library` was migrated without a fault."""
    library = make_library(tmp_path_factory.mktemp("whole") / "jellyfin.db")
    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        conninfo = postgres_server.conninfo(name, user=new_server.role, password=new_server.password)
        migrate(library.path, conninfo)
        return state(conninfo)


@pytest.mark.parametrize("phase", [Phase.COPY, Phase.INDEXES, Phase.VERIFICATION])
def test_killed_before_the_commit_it_changes_nothing(
    phase: Phase,
    library: Library,
    target: str,
    askings: Counter[Phase],
    whole: dict[str, object],
    chance: random.Random,
    tmp_path: Path,
) -> None:
    before = state(target)
    for moment in moments(chance, phase, askings[phase], KILLS):
        delay = chance.uniform(0, WITHIN_SECONDS) if moment.place is Place.WITHIN else 0
        print(f"kill at {moment}, {delay * 1000:.2f} ms later")
        with forked(lambda tell, moment=moment: _migrate_until(library, target, moment, tell), tmp_path / "o") as child:
            assert child.line() == "there", child.words()
            _kill(child, delay)
        wait_until_alone(target)
        assert state(target) == before
        assert read_record(target) is None
    assert not migrate(library.path, target).already_migrated
    assert state(target) == whole


COMMIT_KILLS = [
    ("before COMMIT is sent", Place.BEFORE, 0.0),
    *((f"{delay * 1000:.0f} ms into COMMIT", Place.WITHIN, delay) for delay in DURING_COMMIT),
    ("when COMMIT is answered", Place.AFTER, 0.0),
]


@pytest.mark.parametrize(
    ("place", "delay"), [kill[1:] for kill in COMMIT_KILLS], ids=[kill[0] for kill in COMMIT_KILLS]
)
def test_killed_around_the_commit_it_has_changed_nothing_or_all(
    place: Place, delay: float, library: Library, target: str, whole: dict[str, object], tmp_path: Path
) -> None:
    run(target, CREATE, slow_commit(seconds=COMMIT_SECONDS))
    before = state(target)
    moment = Moment(Phase.COMMIT, 1, place)
    with forked(lambda tell: _migrate_until(library, target, moment, tell), tmp_path / "output") as child:
        assert child.line() == "there", child.words()
        if place is Place.WITHIN:
            wait_for_commit(target)
        _kill(child, delay)
    wait_until_alone(target)

    committed = read_record(target) is not None
    if place is not Place.WITHIN:
        assert committed is (place is Place.AFTER)
    assert state(target) == (whole if committed else before)
    assert migrate(library.path, target).already_migrated is committed
    assert state(target) == whole


def _migrate_until(library: Library, target: str, moment: Moment, tell: Tell) -> None:
    """Migrate, tell when the moment is there, and die in it, or go on until killed."""

    def reached(now: Moment) -> None:
        if now == moment:
            tell("there")
        if (now == moment and now.place is not Place.WITHIN) or now.phase is Phase.COMMIT is not moment.phase:
            os.kill(os.getpid(), signal.SIGKILL)

    migrate(library.path, target, progress=Activity(reached).progress)
    signal.pause()


def _kill(child: Fork, delay: float) -> None:
    # Not to wait for anything: it is the moment of the kill.
    time.sleep(delay)
    child.signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, child.words()
