"""A real server process on folders that were prepared as a pod prepares them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from jellyfin_ha.components import server_scripts
from jellyfin_ha.components.server_config import Declared
from jellyfin_ha.components.server_config.prepare import prepare
from jellyfin_ha.components.server_configuration import declared
from jellyfin_ha.components.server_images import FLAVORS, PLUGIN_FILE
from jellyfin_ha.components.server_pod import OWN, PORT
from tests.integration.mediaserver_processes import MediaServerProcess, load_sample, sample_library, serving
from tests.integration.processes import free_port

pytestmark = pytest.mark.integration

PLUGIN = Path(__file__).parents[2] / "images" / "mediaserver" / PLUGIN_FILE
FLAVOR = FLAVORS["pgsql-plugin"]
PROXY = "127.0.0.1"


@dataclass(frozen=True)
class Pod:
    """A pod's folders, and the database."""

    folder: Path
    port: int
    database: str

    @property
    def volume(self) -> Path:
        """What is behind /config."""
        return self.folder / "config"

    @property
    def system(self) -> Path:
        return self.volume / "config" / "system.xml"

    def prepare(self) -> None:
        """What the init containers do; the address is all that a test must choose."""
        content = json.loads(declared({"known_proxies": [PROXY], "quick_connect": False, "close_wizard": True}, FLAVOR))
        network = content["xml"]["config/network.xml"]["elements"]
        network |= {"InternalHttpPort": str(self.port), "LocalNetworkAddresses": ["127.0.0.1"]}
        content["xml"]["config/encoding.xml"]["elements"] = {"TranscodingTempPath": str(self.folder / "transcode")}
        (self.folder / "own").mkdir(exist_ok=True)
        prepare(
            self.volume, self.folder / "own", Declared.from_json(json.dumps(content)), say=print, settle_seconds=0.2
        )
        plugin = self.volume / "plugins" / "PostgreSQL"
        plugin.mkdir(parents=True, exist_ok=True)
        shutil.copy(PLUGIN, plugin)

    @contextmanager
    def serving(self) -> Generator[MediaServerProcess]:
        with serving(self.database, self.folder, self.port) as server:
            yield server

    def is_ready(self) -> bool:
        """What the readiness probe says."""
        script = server_scripts.ready(FLAVOR, "").replace(f":{PORT}/", f":{self.port}/")
        script = script.replace(OWN, str(self.folder / "own")).replace(" /config/", f" {self.volume}/")
        # Other processes of this machine are none of this pod's.
        script = script.replace("/proc/[0-9]*/", "/proc/self/")
        return subprocess.run(["sh", "-c", script], timeout=30, check=False).returncode == 0


@pytest.fixture
def pod(postgres: str, tmp_path: Path) -> Pod:
    load_sample(postgres, sample_library())
    found = Pod(tmp_path, free_port(), postgres)
    (found.volume / "config").mkdir(parents=True)
    (tmp_path / "cache").mkdir()
    found.system.write_text(
        "<ServerConfiguration><ServerName>attic</ServerName><MinResumePct>7</MinResumePct></ServerConfiguration>"
    )
    found.prepare()
    return found


def public(server: MediaServerProcess) -> dict[str, object]:
    return httpx.get(f"{server.url}/System/Info/Public", timeout=10).json()


def test_a_server_has_the_declared_settings_and_those_of_the_dashboard(pod: Pod) -> None:
    with pod.serving() as server:
        info = public(server)
        assert (info["ServerName"], info["StartupWizardCompleted"]) == ("attic", True)
        assert httpx.get(f"{server.url}/QuickConnect/Enabled", timeout=10).json() is False
        login = httpx.post(
            f"{server.url}/Users/AuthenticateByName",
            json={"Username": "alice", "Pw": "alice-sample"},
            headers={
                "Authorization": 'MediaBrowser Client="t", Device="box", DeviceId="box-1", Version="1"',
                "X-Forwarded-For": "203.0.113.7",
            },
            timeout=30,
        ).json()
        assert login["SessionInfo"]["RemoteEndPoint"] == "203.0.113.7", "the proxy is known"
        assert pod.is_ready()


def test_a_server_without_its_plugin_does_not_start(pod: Pod) -> None:
    shutil.rmtree(pod.volume / "plugins" / "PostgreSQL")
    with pytest.raises(RuntimeError, match="ended with 134"), pod.serving():
        pass


def test_torn_settings_open_the_wizard_only_where_nothing_was_prepared_and_then_nobody_is_sent_there(pod: Pod) -> None:
    with pod.serving() as server:
        known = public(server)
        assert pod.is_ready()
    pod.prepare()
    pod.system.write_text("<ServerConfiguration>\n  <IsStartupWiz")
    with pod.serving() as server:
        assert public(server)["StartupWizardCompleted"] is False, "as Jellyfin would"
        assert server.health() == "Healthy"
        assert not pod.is_ready()
    pod.prepare()
    with pod.serving() as server:
        assert public(server) == known
        assert pod.is_ready()


def test_a_lost_id_comes_back_and_another_servers_id_is_not_ready(pod: Pod) -> None:
    with pod.serving() as server:
        known = public(server)["Id"]
    pod.prepare()
    (pod.volume / "data" / "device.txt").unlink()
    with pod.serving() as server:
        assert public(server)["Id"] != known
        assert not pod.is_ready()
    pod.prepare()
    with pod.serving() as server:
        assert public(server)["Id"] == known
        assert pod.is_ready()
