"""`make up CONTEXT=...`: a cluster that is there already, settings as a person at home writes them."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import yaml

from jellyfin_ha.components.server_pod import SERVER_UID
from jellyfin_ha.lab.cache import cache_folder
from jellyfin_ha.lab.library import SAMPLE_USERS, ensure, write_sample_database
from jellyfin_ha.operations.progress import silent
from tests.e2e.conftest import ROOT, Command, Stack
from tests.e2e.household import answers
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


def lose_pulumi_while_the_database_is_made(
    stack: Stack, command: Command, up: tuple[str, ...], environment: dict[str, str]
) -> None:
    """Kills Pulumi in the middle of the first update, as a machine that loses its power does."""
    running = command.start(*up, environment=environment)
    wait_until(
        lambda: "jellyfin-postgres" in stack.kubectl("get", "statefulsets", "--namespace=home"),
        seconds=KILL_SECONDS,
        what="the database being made",
    )
    for child in Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split():
        if Path(f"/proc/{child}/comm").read_text().strip() == "pulumi":
            os.kill(int(child), signal.SIGKILL)
    assert running.wait(timeout=KILL_SECONDS) == 1, "the update failed and said so"


def test_a_stack_of_ones_own_in_a_cluster_of_ones_own(stack: Stack, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("infra", "Pulumi.yaml"):
        (checkout / name).symlink_to(ROOT / name)
    config = tmp_path / "config"
    config.mkdir()
    os.chown(config, SERVER_UID, SERVER_UID)
    images = json.loads(stack.pulumi("stack", "output", "--json"))["images"]
    sample = ensure(cache_folder(), silent)
    old_server = tmp_path / "jellyfin.db"
    rows = write_sample_database(old_server, items=ITEMS)
    url = f"http://{stack.instance.node_address('n3')}:{NODE_PORT}"
    settings = {
        "namespace": "home",
        "server": {
            "image": images["server"],
            "url": url,
            "service": {"type": "NodePort", "nodePort": NODE_PORT},
        },
        "tools": {"image": images["server"]},
        "database": {"image": images["database"], "storage": {"size": "5Gi", "storageClass": "lab-local"}},
        "leaseStore": {"image": images["lease_store"], "storage": {"size": "1Gi", "storageClass": "lab-local"}},
        "storage": {
            "config": {"hostPath": str(config)},
            "media": {"hostPath": str(sample.media)},
            "perPod": {"storageClass": "lab-local"},
        },
        "migration": {"source": str(old_server)},
    }
    content = {"config": {f"jellyfin-ha:{key}": value for key, value in settings.items()}}
    (checkout / "Pulumi.home.yaml").write_text(yaml.safe_dump(content))
    kubeconfig = yaml.safe_load(stack.instance.kubeconfig.read_text())
    environment = {
        "KUBECONFIG": str(stack.instance.kubeconfig),
        "JELLYFIN_HA_STATE": str(tmp_path / "state"),
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of one's own",
    }
    command = Command(checkout)
    up = ("up", "--stack", "home", "--context", kubeconfig["current-context"])
    try:
        lose_pulumi_while_the_database_is_made(stack, command, up, environment)
        assert "to create" in command.ok(*up, environment=environment)
        assert plugins_below(tmp_path) == [], "what the killed Pulumi had started has ended"
        status = json.loads(command.ok("status", "--stack", "home", "--json", environment=environment))
        assert [replica["ready"] for replica in status["replicas"]] == [True, True]
        assert status["migration"]["state"] == "done"
        assert status["migration"]["rows"] == sum(rows.values()) > 20 * ITEMS
        wait_until(lambda: answers(url), seconds=ANSWER_SECONDS, what=f"an answer at {url}")
        user = SAMPLE_USERS[0]
        logged_in(url, user.name, user.password, "desk").stop()
        public = httpx.get(f"{url}/System/Info/Public", trust_env=False).json()
        assert public["StartupWizardCompleted"] is True
        assert yaml.safe_load((checkout / "Pulumi.home.yaml").read_text()) == content, "the person's file stays theirs"
        assert "changes      none" in command.ok(*up, environment=environment)
    finally:
        stack.kubectl("delete", "namespace", "home", "--ignore-not-found", "--timeout=180s")
        stack.kubectl("delete", "pv", "home-jellyfin-config", "home-jellyfin-media", "--ignore-not-found")
