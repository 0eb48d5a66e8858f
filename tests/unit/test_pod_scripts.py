"""The few lines of shell that run in the server's pods, run here."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from jellyfin_ha.components import server_scripts
from jellyfin_ha.components.server_images import FLAVORS, PLUGIN_FILE, PLUGIN_FOLDER

PLUGIN = FLAVORS["pgsql-plugin"]
CLOSED = "<ServerConfiguration><IsStartupWizardCompleted>true</IsStartupWizardCompleted></ServerConfiguration>"
OPEN = CLOSED.replace("true", "false")
ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = ID[::-1]

# In the place of curl: answers what lies in files beside it.
CURL = """\
#!/bin/sh
for url; do :; done
case $url in */health) cat "$PLACE/health" ;; */System/Info/Public) cat "$PLACE/info" ;; *) exit 22 ;; esac
"""


@dataclass(frozen=True)
class Pod:
    """A pod's file system, below a folder."""

    root: Path

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def write(self, path: str, content: str = "") -> None:
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(content)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        here = re.sub(
            r"(?<![\w/.$}])/(config|run/jellyfin-ha|jellyfin-pgsql|jellyfin)(?=[/\s\"])", rf"{self.root}/\1", script
        )
        # A pod sees its own processes only.
        here = here.replace("/proc/[0-9]*/", f"/proc/{os.getpid()}/")
        return subprocess.run(
            ["sh", "-c", here],
            env={"PATH": f"{self.root}/bin:/usr/bin:/bin", "HOSTNAME": "jellyfin-0", "PLACE": str(self.root)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    found = Pod(tmp_path / "pod")
    found.write("/bin/curl", CURL)
    found.write("/jellyfin/jellyfin", "#!/bin/sh\necho started\n")
    for program in ("/bin/curl", "/jellyfin/jellyfin"):
        found.path(program).chmod(0o755)
    for folder in (server_scripts.OWN, "/config/jellyfin-ha/known-good/config"):
        found.path(folder).mkdir(parents=True)
    return found


def test_a_pod_gets_peoples_plugins_and_the_images_own_and_no_older_one(pod: Pod) -> None:
    pod.write("/config/plugins/Webhook_18/Webhook.dll", "webhook")
    pod.write("/config/plugins/PostgreSQL/Jellyfin.Plugin.Pgsql.dll", "of an older image")
    pod.write("/config/plugins/postgresql_1/x.dll", "of an older image")
    pod.write("/config/plugins/configurations/Webhook.xml", "<A />")
    pod.write(f"{PLUGIN_FOLDER}/{PLUGIN_FILE}", "of this image")
    for _ in "twice", "as after a kill":
        done = pod.run(server_scripts.copy_plugins(PLUGIN))
        assert done.returncode == 0, done.stderr
        own = pod.path(server_scripts.OWN_PLUGINS)
        assert {file.name for file in own.iterdir()} == {"Webhook_18", "PostgreSQL", "configurations"}
        assert (own / "PostgreSQL" / PLUGIN_FILE).read_text() == "of this image"
        assert not list((own / "configurations").iterdir()), "their settings are mounted here"
        (own / "Webhook_18" / "left-over").write_text("")
    assert pod.path("/config/plugins/PostgreSQL/Jellyfin.Plugin.Pgsql.dll").read_text() == "of an older image"


def test_an_image_without_the_plugin_of_its_flavor_is_refused(pod: Pod) -> None:
    done = pod.run(server_scripts.copy_plugins(PLUGIN))
    assert done.returncode == 1
    assert "server.flavor pgsql-plugin expects" in done.stderr


def test_a_flavor_that_needs_no_plugin_takes_none_from_its_image(pod: Pod) -> None:
    pod.write(f"{PLUGIN_FOLDER}/{PLUGIN_FILE}", "of this image")
    assert pod.run(server_scripts.copy_plugins(FLAVORS["zolty-fork"])).returncode == 0
    assert not (pod.path(server_scripts.OWN_PLUGINS) / "PostgreSQL").exists()


@pytest.mark.parametrize("now", [OPEN, "<ServerConf", "", None])
def test_a_server_that_starts_again_in_its_pod_does_not_open_the_wizard(pod: Pod, now: str | None) -> None:
    if now is not None:
        pod.write(server_scripts.SYSTEM, now)
    else:
        pod.path(server_scripts.SYSTEM).parent.mkdir()
    pod.write(server_scripts.OWN_SET_UP)
    refused = pod.run(server_scripts.START)
    assert refused.returncode != 0, "without a good copy it does not start"
    assert "started" not in refused.stdout
    pod.write(server_scripts.GOOD_SYSTEM, CLOSED)
    done = pod.run(server_scripts.START)
    assert done.stdout == "started\n", done.stderr
    assert pod.path(server_scripts.SYSTEM).read_text() == CLOSED


def test_a_server_that_nobody_has_set_up_starts(pod: Pod) -> None:
    pod.write(server_scripts.SYSTEM, OPEN)
    assert pod.run(server_scripts.START).stdout == "started\n"


def answers(pod: Pod, *, health: str = "Healthy", server: str = ID, completed: bool = True) -> None:
    """What the server says."""
    pod.write("/health", health)
    pod.write("/info", f'{{"Version":"10.11.11","Id":"{server}","StartupWizardCompleted":{str(completed).lower()}}}')


def ready(pod: Pod, flavor: str = "sqlite") -> bool:
    """Whether the pod's server is ready."""
    return pod.run(server_scripts.ready(FLAVORS[flavor], "")).returncode == 0


@pytest.mark.parametrize("health", ["Degraded", "", "Unhealthy"])
def test_a_server_that_is_not_healthy_is_not_ready(pod: Pod, health: str) -> None:
    answers(pod)
    assert ready(pod)
    answers(pod, health=health)
    assert not ready(pod)


def test_another_server_than_the_one_that_the_folder_knows_is_not_ready(pod: Pod) -> None:
    answers(pod, server=OTHER_ID)
    assert ready(pod), "a new folder knows none yet"
    pod.write(server_scripts.OWN_ID, ID)
    assert not ready(pod)
    answers(pod)
    assert ready(pod)


def test_a_server_that_offers_the_set_up_again_is_not_ready(pod: Pod) -> None:
    answers(pod, completed=False)
    assert ready(pod), "somebody has to be able to set it up"
    answers(pod)
    assert ready(pod)
    assert pod.path(server_scripts.SHARED_SET_UP).exists()
    answers(pod, completed=False)
    assert not ready(pod)
    pod.path(server_scripts.OWN_SET_UP).unlink()
    assert not ready(pod), "nor in another pod, which read its settings before"


def test_a_folder_that_cannot_be_written_makes_no_server_unready(pod: Pod) -> None:
    answers(pod)
    pod.path(server_scripts.SHARED_SET_UP).parent.rename(pod.path("/config/away"))
    assert ready(pod)


def test_a_server_that_fell_back_to_sqlite_is_not_ready(pod: Pod) -> None:
    answers(pod)
    assert ready(pod, "pgsql-plugin")
    with sqlite3.connect(pod.root / "jellyfin.db") as database:
        database.execute("CREATE TABLE Users (Id TEXT)")
        assert not ready(pod, "pgsql-plugin")
        assert ready(pod, "sqlite")
    database.close()
    assert ready(pod, "pgsql-plugin")
