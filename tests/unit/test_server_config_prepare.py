"""A server's folders before it starts: as declared, and never torn, emptied or somebody else's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from jellyfin_ha.components.server_config import CannotStart, Declared, sources
from jellyfin_ha.components.server_config.known_good import DEVICE, FOLDER, KNOWN_GOOD, SYSTEM
from jellyfin_ha.components.server_config.prepare import prepare
from jellyfin_ha.components.server_configuration import PLUGIN_UPDATES, declared
from jellyfin_ha.components.server_images import FLAVORS
from tests.unit.dying import signal_before
from tests.unit.old_server import in_child

ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = ID[::-1]
CLOSED = "<IsStartupWizardCompleted>true</IsStartupWizardCompleted>"
OPEN = "<IsStartupWizardCompleted>false</IsStartupWizardCompleted>"
SETTINGS = f"<ServerConfiguration>\n  <ServerName>attic</ServerName>\n  {CLOSED}\n</ServerConfiguration>"
DEFAULTS = f"<ServerConfiguration>\n  {OPEN}\n  <ServerName />\n</ServerConfiguration>"
NETWORK = "config/network.xml"
ENCODING = "config/encoding.xml"
WANTED = Declared.from_json(
    declared({"known_proxies": ["10.42.0.0/16"], "metrics": True, "base_url": "/tv"}, FLAVORS["pgsql-plugin"])
)


class Server:
    """A server's folder, the one of a pod, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.data, self.own = folder / "config", folder / "own"
        self.said: list[str] = []
        for path in (self.own, self.data / "config", self.data / "data"):
            path.mkdir(parents=True, exist_ok=True)

    def write(self, path: str, content: str) -> None:
        (self.data / path).parent.mkdir(parents=True, exist_ok=True)
        (self.data / path).write_text(content)

    def read(self, path: str) -> str:
        return (self.data / path).read_text()

    def prepare(self, wanted: Declared = WANTED, settle_seconds: float = 0) -> list[str]:
        said: list[str] = []
        prepare(self.data, self.own, wanted, say=said.append, settle_seconds=settle_seconds)
        return said

    def damaged(self) -> dict[str, str]:
        """What was put aside, by its path without the time."""
        folder = self.data / FOLDER / "damaged"
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)).rpartition(".")[0]: path.read_text() for path in files}

    def state(self) -> dict[str, tuple[str, int]]:
        """Every file with its content and the time of its last change."""
        files = [path for path in [*self.data.rglob("*"), *self.own.rglob("*")] if path.is_file()]
        return {str(path): (path.read_text(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """One that was set up, and prepared once."""
    found = Server(tmp_path)
    found.write(SYSTEM, SETTINGS)
    found.write(NETWORK, "<NetworkConfiguration><EnableRemoteAccess>false</EnableRemoteAccess></NetworkConfiguration>")
    found.write(DEVICE, f"\ufeff{ID}")
    found.write("plugins/configurations/Webhook.xml", "<A><B>1</B></A>")
    found.write("config/ScheduledTasks/a.js", "[]")
    found.prepare()
    return found


def test_a_new_servers_folder_gets_what_is_declared_and_an_open_wizard(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.prepare()
    assert "<TranscodingTempPath>/data/transcode</TranscodingTempPath>" in server.read(ENCODING)
    assert "<string>10.42.0.0/16</string>" in server.read(NETWORK)
    assert "IsStartupWizardCompleted" not in server.read(SYSTEM)
    assert server.read(PLUGIN_UPDATES) == "[]"
    assert not (server.data / DEVICE).exists(), "the server makes its id"
    assert {path.name for path in server.own.iterdir()} == {"database.xml"}


def test_database_xml_is_the_same_for_the_pod_and_for_others_and_holds_no_password(server: Server) -> None:
    server.write("config/database.xml", "<A><ConnectionString>Password=secret-word</ConnectionString></A>")
    said = server.prepare()
    assert server.read("config/database.xml") == (server.own / "database.xml").read_text()
    assert "PLUGIN_PROVIDER" in server.read("config/database.xml")
    assert all("secret-word" not in content for content, _ in server.state().values())
    assert said == ["config/database.xml: had another content, is now as declared"]


def test_a_second_start_changes_no_file_and_says_nothing(server: Server) -> None:
    before = server.state()
    assert server.prepare() == []
    assert server.state() == before


def test_drift_is_said_and_undone_and_what_is_not_declared_stays(server: Server) -> None:
    server.write(NETWORK, server.read(NETWORK).replace("10.42.0.0/16", "0.0.0.0/0").replace(">/tv<", "><"))
    server.write(SYSTEM, server.read(SYSTEM).replace(">attic<", ">cellar<"))
    assert server.prepare() == [
        f"{NETWORK}: BaseUrl was '', is now '/tv'",
        f"{NETWORK}: KnownProxies was '0.0.0.0/0', is now '10.42.0.0/16'",
    ]
    assert "<ServerName>cellar</ServerName>" in server.read(SYSTEM)
    assert "<EnableRemoteAccess>false<" in server.read(NETWORK)


def test_a_secret_value_is_not_said(server: Server) -> None:
    wanted = json.loads(declared({}, FLAVORS["sqlite"]))
    wanted["xml"][NETWORK]["elements"] = {"CertificatePassword": "new-word"}
    said = server.prepare(Declared.from_json(json.dumps(wanted)))
    assert said == [f"{NETWORK}: CertificatePassword had another value, is now as declared"]


@pytest.mark.parametrize("torn", ["", "<ServerConfiguration>\n  <Serv", "\0" * 100])
def test_a_torn_file_is_put_aside_and_its_last_good_copy_comes_back(server: Server, torn: str) -> None:
    paths = (SYSTEM, NETWORK, "plugins/configurations/Webhook.xml", "config/ScheduledTasks/a.js", DEVICE)
    before = {path: server.read(path) for path in paths}
    for path in paths:
        server.write(path, torn)
    said = server.prepare()
    assert {path: server.read(path) for path in paths} == before
    assert server.damaged() == dict.fromkeys(paths, torn)
    assert len(said) == len(paths)


@pytest.mark.parametrize("now", [DEFAULTS, "<ServerConfiguration />", None])
def test_defaults_over_the_settings_do_not_open_the_wizard_again(server: Server, now: str | None) -> None:
    before = server.read(SYSTEM)
    (server.data / SYSTEM).unlink()
    if now is not None:
        server.write(SYSTEM, now)
    assert "the last good copy is back in its place" in server.prepare()[0]
    assert server.read(SYSTEM) == before


def test_a_set_up_that_was_completed_since_the_last_start_stays_completed(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.write(SYSTEM, DEFAULTS)
    server.prepare()
    (server.data / FOLDER / "set-up-completed").touch()  # As the readiness probe does.
    server.write(SYSTEM, "<ServerConf")
    server.prepare()
    assert CLOSED in server.read(SYSTEM)
    assert (server.own / "set-up-completed").exists()


def test_torn_settings_without_a_good_copy_stop_the_server(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.write(SYSTEM, "<ServerConf")
    with pytest.raises(CannotStart, match="put a copy of yours there"):
        server.prepare()
    assert server.read(SYSTEM) == "<ServerConf"
    assert list(server.damaged()) == [SYSTEM]


def test_another_torn_file_without_a_good_copy_is_made_anew(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.write(ENCODING, "<Enc")
    assert "there is no good copy" in server.prepare()[0]
    assert "<TranscodingTempPath>" in server.read(ENCODING)


@pytest.mark.parametrize("now", [OTHER_ID, "", "no id", None])
def test_the_server_keeps_its_id(server: Server, now: str | None) -> None:
    (server.data / DEVICE).unlink()
    if now is not None:
        server.write(DEVICE, now)
    server.prepare()
    assert server.read(DEVICE) == f"\ufeff{ID}"
    assert (server.own / "server-id").read_text() == ID


def test_a_file_that_is_being_written_is_not_taken_for_a_torn_one(server: Server) -> None:
    whole = server.read(NETWORK)
    server.write(NETWORK, whole[:40])
    writer = subprocess.Popen(
        ["sh", "-c", f'sleep 0.5; cat > "{server.data / NETWORK}"'], stdin=subprocess.PIPE, text=True
    )
    assert writer.stdin is not None
    writer.stdin.write(whole.replace("</NetworkConfiguration>", "<New>1</New></NetworkConfiguration>"))
    writer.stdin.close()
    assert server.prepare(settle_seconds=20) == []
    assert writer.wait(10) == 0
    assert "<New>1</New>" in server.read(NETWORK)


def broken(server: Server) -> None:
    """Something to do for every part of a preparation."""
    server.write(SYSTEM, DEFAULTS)
    server.write(DEVICE, OTHER_ID)
    server.write(NETWORK, "<Netw")
    server.write(ENCODING, server.read(ENCODING).replace("/data/transcode", "/elsewhere"))
    server.write("config/database.xml", "<A />")


def test_killed_at_any_moment_it_leaves_whole_files_and_the_next_one_ends_the_work(
    server: Server, tmp_path: Path
) -> None:
    wanted = {path: server.read(path) for path in (SYSTEM, NETWORK, ENCODING, DEVICE, "config/database.xml")}
    broken(server)
    before = {path: server.read(path) for path in wanted}
    for step in count(1):
        copy = Server(tmp_path / str(step))
        shutil.copytree(server.data, copy.data, dirs_exist_ok=True)
        status = in_child(_killed_before(step, copy))
        for path in wanted:
            assert copy.read(path) in (before[path], wanted[path]), f"{path}, killed before step {step}"
        copy.prepare()
        assert {path: copy.read(path) for path in wanted} == wanted, f"killed before step {step}"
        if status == 0:
            assert step > 20
            return


def _killed_before(step: int, server: Server) -> Callable[[], None]:
    def work() -> None:
        signal_before(step, server.data, signal.SIGKILL)
        server.prepare()

    return work


def test_pods_that_start_at_once_do_not_hurt_each_other(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = server.read(SYSTEM), server.read(DEVICE)
    for _ in range(10):
        broken(server)
        pods = list[int]()
        for number in range(3):
            monkeypatch.setattr(os, "uname", lambda number=number: SimpleNamespace(nodename=f"jellyfin-{number}"))
            pods.append(os.fork() or _pod(server))
        assert [os.waitpid(pod, 0)[1] for pod in pods] == [0, 0, 0]
        assert (server.read(SYSTEM), server.read(DEVICE)) == wanted
        assert not list(server.data.rglob("*.part"))


def _pod(server: Server) -> NoReturn:
    try:
        server.prepare()
    except BaseException as error:
        os.write(2, f"child: {error!r}\n".encode())
        os._exit(3)
    os._exit(0)


def test_the_program_runs_alone_with_pythons_standard_library(tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    program = tmp_path / "program" / "server_config"
    program.mkdir(parents=True)
    for name, source in sources().items():
        (program / name).write_text(source)
    (program / "declared.json").write_text(declared({}, FLAVORS["sqlite"]))

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # Without this project and its packages: -S leaves site-packages out.
            [
                *(sys.executable, "-B", "-S", "-m", "server_config"),
                *(str(program / "declared.json"), str(server.data), str(server.own)),
            ],
            env={"PYTHONPATH": str(program.parent)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "config/network.xml: AutoDiscovery was not there, is now 'false'" in done.stdout
    (server.data / KNOWN_GOOD / SYSTEM).unlink()
    server.write(SYSTEM, "<Serv")
    refused = run()
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: config/system.xml: it is torn")
