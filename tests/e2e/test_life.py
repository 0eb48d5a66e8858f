"""What a stack survives: being stopped in order, and losing every process at once."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from jellyfin_ha.lab.library import SAMPLE_USERS
from tests.e2e.conftest import Stack
from tests.e2e.household import SECOND, film
from tests.integration.mediaserver_processes import logged_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def leave_position(stack: Stack, seconds: int) -> None:
    user = SAMPLE_USERS[0]
    client = logged_in(stack.status()["url"], user.name, user.password, "phone")
    item = film(client)["Id"]
    report = {"ItemId": item, "MediaSourceId": item, "PositionTicks": 0, "PlayMethod": "DirectPlay", "CanSeek": True}
    client.jellyfin.session_playing(report)
    client.jellyfin.session_stop({**report, "PositionTicks": seconds * SECOND})
    client.stop()


def position(stack: Stack) -> int:
    user = SAMPLE_USERS[0]
    client = logged_in(stack.status()["url"], user.name, user.password, "phone")
    try:
        return client.jellyfin.get_item(film(client)["Id"])["UserData"]["PlaybackPositionTicks"] // SECOND
    finally:
        client.stop()


def processes_of(stack: Stack) -> list[int]:
    """Every process on this machine that carries the lab's mark."""
    mark = f"JELLYFIN_HA_LAB={stack.instance.key}".encode()
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def test_a_stopped_lab_leaves_no_process_and_resumes_as_it_was(stack: Stack) -> None:
    leave_position(stack, 111)
    migration = stack.status()["migration"]
    stack.make("down")
    assert processes_of(stack) == []
    told = stack.command.run("status")
    assert told.returncode == 1
    assert "found it stopped" in told.stderr
    printed = stack.command.ok("up")
    assert "changes      none" in printed
    assert position(stack) == 111
    assert stack.status()["migration"] == migration


def test_up_mends_a_lab_whose_every_process_was_killed(stack: Stack) -> None:
    leave_position(stack, 122)
    killed = processes_of(stack)
    assert killed
    for pid in killed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    stack.command.ok("up")
    assert position(stack) == 122
    assert all(replica["ready"] for replica in stack.status()["replicas"])
