"""Ctrl-C and SIGTERM end `jellyfin-ha migrate` within seconds, in words, and the target is as it was."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from jellyfin_ha.cli import main
from jellyfin_ha.operations.migration import migrate, normal, quick, read_record
from jellyfin_ha.operations.migration.record import CREATE
from tests.integration.forks import Tell, forked
from tests.integration.migration_library import Library, run, slow_commit, state, wait_for_commit, wait_until_alone
from tests.integration.moments import Activity, Moment, Phase, moments

pytestmark = pytest.mark.integration

SIGNALS = [signal.SIGINT, signal.SIGTERM]
TIMES = 4
ENDED_SECONDS = 8.0
INTERRUPTED = "error: interrupted. "


def command(*arguments: str) -> None:
    """What the installed command does."""
    sys.argv = ["jellyfin-ha", "migrate", *arguments]
    main()


def ended_well_mannered(words: str, code: int) -> bool:
    return code == 1 and words.count(INTERRUPTED) == 1 and "Traceback" not in words and "rollback" not in words


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("phase", [Phase.COPY, Phase.INDEXES, Phase.VERIFICATION])
def test_interrupted_before_the_commit_it_changes_nothing(
    phase: Phase,
    number: signal.Signals,
    library: Library,
    target: str,
    askings: Counter[Phase],
    chance: random.Random,
    tmp_path: Path,
) -> None:
    before = state(target)
    for moment in moments(chance, phase, askings[phase], TIMES):
        print(f"interrupted at {moment}")

        def work(tell: Tell, moment: Moment = moment) -> None:
            at_the_commit: list[Moment] = []

            def reached(now: Moment) -> None:
                if now == moment:
                    tell("there")
                elif now.phase is Phase.COMMIT and not at_the_commit:
                    at_the_commit.append(now)
                    # The signal is on its way.
                    time.sleep(ENDED_SECONDS)

            Activity(reached).follow_stages()
            command("--sqlite", str(library.path), "--postgres", target)

        with forked(work, tmp_path / "output") as child:
            assert child.line() == "there", child.words()
            child.signal(number)
            code = child.wait(ENDED_SECONDS)
        assert ended_well_mannered(child.words(), code), (code, child.words())
        wait_until_alone(target)
        assert state(target) == before
    assert not migrate(library.path, target).already_migrated


@pytest.mark.parametrize("number", SIGNALS)
def test_interrupted_during_the_commit_it_says_how_to_know(
    number: signal.Signals, library: Library, target: str, tmp_path: Path
) -> None:
    run(target, CREATE, slow_commit(seconds=30))
    before = state(target)

    def work(tell: Tell) -> None:
        Activity(lambda now: tell("there") if now.phase is Phase.COMMIT else None).follow_stages()
        command("--sqlite", str(library.path), "--postgres", target)

    with forked(work, tmp_path / "output") as child:
        assert child.line() == "there", child.words()
        wait_for_commit(target)
        child.signal(number)
        code = child.wait(ENDED_SECONDS)
    assert ended_well_mannered(child.words(), code), (code, child.words())
    assert "run the command again, it tells" in child.words()
    wait_until_alone(target)
    assert state(target) == before


@pytest.mark.parametrize("function", [(quick, "_single"), (normal, "_single")], ids=["copy", "verification"])
def test_an_interrupt_that_sqlite_swallows_is_not_lost(
    function: tuple[object, str], library: Library, target: str, tmp_path: Path
) -> None:
    """An exception in a function that SQLite calls becomes an error of the query."""
    before = state(target)
    module, name = function

    def work(_: Tell) -> None:
        calculate: Callable[[float], float] = getattr(module, name)
        left = [3]

        def interrupted(value: float) -> float:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGINT)
            return calculate(value)

        setattr(module, name, interrupted)
        command("--sqlite", str(library.path), "--postgres", target)

    with forked(work, tmp_path / "output") as child:
        code = child.wait()
    assert ended_well_mannered(child.words(), code), (code, child.words())
    wait_until_alone(target)
    assert state(target) == before
    assert read_record(target) is None


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("word", ["writing UserData", "indexing", "verifying UserData"])
def test_an_interrupted_way_back_leaves_no_file(
    word: str, number: signal.Signals, library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    folder = tmp_path / "new"
    folder.mkdir()

    def work(_: Tell) -> None:
        def listen(message: str) -> None:
            if message.startswith(word):
                os.kill(os.getpid(), number)

        Activity(lambda _: None).follow_stages(listen)
        arguments = ("--reverse", "--like", str(library.path), "--sqlite", str(folder / "back.db"))
        command(*arguments, "--postgres", target)

    with forked(work, tmp_path / "output") as child:
        code = child.wait()
    assert ended_well_mannered(child.words(), code), (code, child.words())
    assert list(folder.iterdir()) == []
