"""Ctrl-C and SIGTERM end `jellyfin-ha adopt` in words, nothing stands half, and the next run goes on from there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jellyfin_ha.cli import main
from jellyfin_ha.cli.report_file import write_report
from jellyfin_ha.cli.stages import Stages
from jellyfin_ha.infra import stack
from jellyfin_ha.operations.progress import Progress

from .dying import signal_before
from .old_server import expected, files, in_child, make, state

SIGNALS = [signal.SIGINT, signal.SIGTERM]
INTERRUPTED = "error: interrupted. "
# Some of the steps of each file, of a folder's end and of the record's.
EVERY = 23
DONE, ENDED = 0, 1


@pytest.fixture(autouse=True)
def not_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted process loses nothing that the system has."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


def _command(old: Path, new: Path, output: Path, *options: str, before: Callable[[], None]) -> tuple[int, str]:
    """The installed command in a process of its own, once `before` has prepared that: exit code and words."""

    # The command imports this when it runs: once here is quicker than in every process.
    assert stack.MEDIA

    def work() -> None:
        sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        sys.stdout = os.fdopen(os.dup(sink), "w", buffering=1)
        sys.stderr = os.fdopen(sink, "w", buffering=1)
        sys.argv = ["jellyfin-ha", "adopt", "--from", str(old), "--to", str(new), "--owner", "keep", *options]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        before()
        try:
            main()
        except SystemExit as ending:
            os._exit(ending.code if isinstance(ending.code, int) else 70)

    status = in_child(work)
    assert os.WIFEXITED(status), f"ended by signal {os.WTERMSIG(status)}"
    return os.WEXITSTATUS(status), output.read_text()


def _signal_at(words: str, number: signal.Signals) -> None:
    """Sends this process a signal when the command shows these words."""
    show = Stages.stage

    @contextmanager
    def followed(stages: Stages, title: str) -> Generator[Progress]:
        with show(stages, title) as report:

            def progress(message: str, fraction: float | None = None, /) -> None:
                report(message, fraction)
                if message.startswith(words):
                    os.kill(os.getpid(), number)

            yield progress

    Stages.stage = followed  # type: ignore[method-assign]


@pytest.mark.parametrize("number", SIGNALS)
def test_interrupted_while_it_copies_it_tells_how_to_go_on(number: signal.Signals, tmp_path: Path) -> None:
    old, new = make(tmp_path / "old"), tmp_path / "new"
    before = state(old)
    interrupted = 0
    for step in range(1, 10_000, EVERY):
        shutil.rmtree(new, ignore_errors=True)

        def prepare(step: int = step) -> None:
            signal_before(step, new, number)

        code, words = _command(old, new, tmp_path / "output", before=prepare)
        if code == DONE:
            break
        interrupted += 1
        assert (code, words.count(INTERRUPTED)) == (ENDED, 1), words
        assert "Traceback" not in words
        assert ("Run the command again" if new.exists() else "Nothing was written") in words
        assert not list(new.rglob("*.part")), f"interrupted before step {step}"
        assert _command(old, new, tmp_path / "output", before=lambda: None)[0] == DONE
        assert files(new) == expected()
    assert interrupted > 5
    assert state(old) == before


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_interrupted_while_it_looks_it_says_that_nothing_was_written(
    options: tuple[str, ...], number: signal.Signals, old: Path, new: Path, tmp_path: Path
) -> None:
    before = state(old)
    code, words = _command(
        old, new, tmp_path / "output", *options, before=lambda: _signal_at("looking at the old folder", number)
    )
    assert (code, words.count(INTERRUPTED)) == (ENDED, 1), words
    assert "Nothing was written" in words
    assert not new.exists()
    assert state(old) == before


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_copy_is_in_the_report(number: signal.Signals, old: Path, new: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    code, _ = _command(
        old, new, tmp_path / "output", "--report", str(report), before=lambda: _signal_at("copying", number)
    )
    assert code == ENDED
    content = json.loads(report.read_text())
    assert content["status"] == "refused"
    assert content["refusals"][0].startswith("interrupted. ")


def test_a_report_that_is_interrupted_leaves_no_half_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(tmp_path / "report.json", {})
    assert list(tmp_path.iterdir()) == []
