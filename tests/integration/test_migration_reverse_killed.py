"""Killed at any moment, the way back leaves no file under its name, and nothing that the next run trips over."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jellyfin_ha.operations.migration import migrate
from jellyfin_ha.operations.migration.reverse import reverse
from tests.integration.forks import Tell, forked
from tests.integration.migration_library import Library

pytestmark = pytest.mark.integration

# Kills while tables are written, while indexes are made, and while all is verified; the longest delay after a message.
KILLS = {"writing": 5, "indexing": 3, "verifying": 5}
WITHIN_SECONDS = 0.003


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the new file is to be."""
    found = tmp_path / "new"
    found.mkdir()
    return found


@pytest.fixture
def logged(library: Library) -> Library:
    """A library with a write-ahead log, as servers keep it: the way back makes such a file too."""
    library.execute("PRAGMA journal_mode = wal")
    return library


def content(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    found = list(connection.iterdump())
    connection.close()
    return found


@pytest.mark.parametrize("word", KILLS)
def test_killed_on_the_way_back_it_leaves_no_file(
    word: str, logged: Library, target: str, folder: Path, chance: random.Random, tmp_path: Path
) -> None:
    migrate(logged.path, target)
    told: list[str] = []
    reverse(target, tmp_path / "whole.db", logged.path, progress=lambda message, _=None, /: told.append(message))
    candidates = [message for message in told if message.startswith(word)]
    whole = content(tmp_path / "whole.db")
    for _ in range(KILLS[word]):
        message, delay = chance.choice(candidates), chance.uniform(0, WITHIN_SECONDS)
        print(f"kill {delay * 1000:.2f} ms after {message}")

        def work(tell: Tell, message: str = message) -> None:
            def progress(now: str, fraction: float | None = None, /) -> None:
                if now == message:
                    tell("there")

            _never_close()
            reverse(target, folder / "back.db", logged.path, progress=progress)

        with forked(work, tmp_path / "output") as child:
            assert child.line() == "there", child.words()
            # Not to wait for anything: it is the moment of the kill.
            time.sleep(delay)
            child.signal(signal.SIGKILL)
            assert child.wait() == -signal.SIGKILL, child.words()
        assert not (folder / "back.db").exists()

        _goes_well(target, folder, logged, whole)


@pytest.mark.parametrize("moment", ["complete, still open", "closed", "on the disk", "named"])
def test_killed_at_the_end_of_the_way_back_it_leaves_no_file_or_all(
    moment: str, logged: Library, target: str, folder: Path, tmp_path: Path
) -> None:
    migrate(logged.path, target)
    reverse(target, tmp_path / "whole.db", logged.path)
    whole = content(tmp_path / "whole.db")

    def work(_: Tell) -> None:
        if moment == "complete, still open":
            _never_close()
        elif moment == "closed":
            _die(os, "fsync")
        elif moment == "on the disk":
            _die(Path, "rename")
        reverse(target, folder / "back.db", logged.path)
        os.kill(os.getpid(), signal.SIGKILL)

    with forked(work, tmp_path / "output") as child:
        assert child.wait() == -signal.SIGKILL, child.words()
    assert (folder / "back.db").exists() is (moment == "named")
    if moment == "named":
        assert content(folder / "back.db") == whole
    else:
        _goes_well(target, folder, logged, whole)


def _goes_well(target: str, folder: Path, library: Library, whole: list[str]) -> None:
    """The next run: its file is whole, and nothing else is left."""
    reverse(target, folder / "back.db", library.path)
    assert [path.name for path in folder.iterdir()] == ["back.db"]
    assert content(folder / "back.db") == whole
    for path in folder.iterdir():
        path.unlink()


def _die(owner: object, name: str) -> None:
    """Let a function kill this process instead of doing what it does."""

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, die)


def _never_close() -> None:
    """Let this process die when it closes the new file."""
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    class Doomed(sqlite3.Connection):
        def close(self) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

    def doomed(database: Any, *arguments: Any, **named: Any) -> sqlite3.Connection:
        factory = {"factory": Doomed} if str(database).endswith(".partial") else {}
        return connect(database, *arguments, **named, **factory)

    sqlite3.connect = doomed  # type: ignore[assignment]
