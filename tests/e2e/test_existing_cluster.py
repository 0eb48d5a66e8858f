"""`make up CONTEXT=...`: a cluster that is there already, settings as a person at home writes them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from jellyfin_ha.lab.library import SAMPLE_USERS, write_sample_database
from tests.e2e.conftest import Stack
from tests.e2e.household import answers
from tests.e2e.own_stack import OwnStack, at_node_port, own_stack
from tests.integration.mediaserver_processes import logged_in
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NODE_PORT = 30196
# A well-filled home server: some 450,000 rows.
ITEMS = 20_000


# The nodes hear of a new Service's servers a moment after the API server does.
ANSWER_SECONDS = 30.0
KILL_SECONDS = 120.0


def plugins_below(folder: Path) -> list[str]:
    """Pulumi's plugins that run with a home below this folder."""
    mark = f"PULUMI_HOME={folder}/".encode()
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (process / "exe").readlink().name
            if name.startswith("pulumi-") and mark in (process / "environ").read_bytes():
                found.append(name)
    return found


def lose_pulumi_while_the_database_is_made(home: OwnStack) -> None:
    """Kills Pulumi in the middle of the first update, as a machine that loses its power does."""
    running = home.command.start(*home.arguments, environment=home.environment)
    wait_until(
        lambda: "jellyfin-postgres" in home.kubectl("get", "statefulsets"),
        seconds=KILL_SECONDS,
        what="the database being made",
    )
    for child in Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split():
        if Path(f"/proc/{child}/comm").read_text().strip() == "pulumi":
            os.kill(int(child), signal.SIGKILL)
    assert running.wait(timeout=KILL_SECONDS) == 1, "the update failed and said so"


def test_a_stack_of_ones_own_in_a_cluster_of_ones_own(stack: Stack, tmp_path: Path) -> None:
    old_server = tmp_path / "jellyfin.db"
    rows = write_sample_database(old_server, items=ITEMS)
    migration = {"source": str(old_server)}
    server = at_node_port(stack, NODE_PORT)
    with own_stack(stack, tmp_path, "home", server=server, migration=migration) as home:
        home.environment["PULUMI_CONFIG_PASSPHRASE"] = "a passphrase of one's own"
        content = home.file.read_text()
        lose_pulumi_while_the_database_is_made(home)
        assert "to create" in home.up()
        assert plugins_below(tmp_path) == [], "what the killed Pulumi had started has ended"
        status = home.status()
        assert [replica["ready"] for replica in status["replicas"]] == [True, True]
        assert status["migration"]["state"] == "done"
        assert status["migration"]["rows"] == sum(rows.values()) > 20 * ITEMS
        wait_until(lambda: answers(home.url), seconds=ANSWER_SECONDS, what=f"an answer at {home.url}")
        user = SAMPLE_USERS[0]
        logged_in(home.url, user.name, user.password, "desk").stop()
        public = httpx.get(f"{home.url}/System/Info/Public", trust_env=False).json()
        assert public["StartupWizardCompleted"] is True
        assert home.file.read_text() == content, "the person's file stays theirs"
        assert "changes      none" in home.up()
