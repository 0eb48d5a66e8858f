"""The lab's own promises: two side by side, nothing lost by a crash, nothing left by a stop, nodes that die."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jellyfin_ha.lab import cluster, toolchain
from jellyfin_ha.lab.cluster import network, processes
from jellyfin_ha.lab.instance import Instance, Networks
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# No pod runs in these labs, so the image need not exist.
PAUSE = "docker.io/lab/pause:none"
NAMES = ("e2e-one", "e2e-two")
# /var/tmp is a disk where /tmp may be memory.
ROOT = Path("/var/tmp/jellyfin-ha-e2e")


@pytest.fixture(scope="module")
def binaries() -> Path:
    return toolchain.ensure(silent, parts=("cluster",)).bin


@pytest.fixture(scope="module")
def labs(binaries: Path) -> Iterator[tuple[Instance, Instance]]:
    made = [Instance(name, ROOT) for name in NAMES]
    try:
        for lab in made:
            cluster.purge(lab, silent)
            up(lab, binaries)
        yield made[0], made[1]
    finally:
        for lab in made:
            cluster.purge(lab, silent)
        shutil.rmtree(ROOT)


def up(lab: Instance, binaries: Path) -> float:
    started = time.monotonic()
    cluster.up(lab, binaries, [], PAUSE, silent)
    return time.monotonic() - started


def kubectl(lab: Instance, binaries: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(binaries / "kubectl"), f"--kubeconfig={lab.kubeconfig}", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def remember(lab: Instance, binaries: Path, name: str) -> None:
    kubectl(lab, binaries, "create", "configmap", name)


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True


def ready(lab: Instance, binaries: Path, node: str) -> str:
    path = '{.status.conditions[?(@.type=="Ready")].status}'
    return kubectl(lab, binaries, "get", "node", node, "-o", f"jsonpath={path}")


def traces(lab: Instance) -> list[str]:
    """Whatever the machine shows of a lab, asked of the machine and not of the code under test."""
    shown = [
        *subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines(),
        *subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout.splitlines(),
        *Path("/proc/mounts").read_text().splitlines(),
        *(str(path) for path in Path("/sys/fs/cgroup").glob("*/jellyfin-ha-*")),
        *(str(path) for path in Path("/sys/fs/cgroup").glob("jellyfin-ha-*")),
    ]
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            shown.append((folder / "cmdline").read_text().replace("\0", " "))
            shown.append((folder / "environ").read_text(errors="replace").replace("\0", " "))
    marks = (lab.bridge, lab.cgroup(""), f"{lab.state}/", lab.key)
    return [line for line in shown if any(mark in line for mark in marks)]


def test_two_labs_run_side_by_side(labs: tuple[Instance, Instance], binaries: Path) -> None:
    one, other = (cluster.status(lab) for lab in labs)
    assert one.running, one
    assert other.running, other
    assert {node.address for node in one.nodes}.isdisjoint({node.address for node in other.nodes})
    remember(labs[0], binaries, "seen")
    assert "seen" not in kubectl(labs[1], binaries, "get", "configmaps")


def test_up_of_a_running_lab_is_quick_and_restarts_nothing(labs: tuple[Instance, Instance], binaries: Path) -> None:
    before = cluster.status(labs[0]).processes
    assert up(labs[0], binaries) < 3
    assert cluster.status(labs[0]).processes == before


def test_up_starts_what_ended_and_nothing_else(labs: tuple[Instance, Instance], binaries: Path) -> None:
    before = {process.name: process.pid for process in cluster.status(labs[0]).processes}
    ended = ("kube-scheduler", "n1-kubelet", "n2-containerd")
    for name in ended:
        os.kill(before[name] or 0, signal.SIGKILL)
    up(labs[0], binaries)
    after = {process.name: process.pid for process in cluster.status(labs[0]).processes}
    assert {name for name in before if before[name] != after[name]} == set(ended)


def test_up_after_every_process_was_killed_finds_its_data(labs: tuple[Instance, Instance], binaries: Path) -> None:
    others = cluster.status(labs[1]).processes
    remember(labs[0], binaries, "survivor")
    for process in processes.scan(labs[0]):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    up(labs[0], binaries)
    assert cluster.status(labs[0]).running
    assert "survivor" in kubectl(labs[0], binaries, "get", "configmaps")
    assert cluster.status(labs[1]).processes == others


def test_a_killed_node_is_missed_within_24_seconds_and_comes_back(
    labs: tuple[Instance, Instance], binaries: Path
) -> None:
    lab = labs[0]
    cluster.node_kill(lab, "n1")
    assert ready(lab, binaries, "n1") == "True", "nobody was told"
    assert not traces_of_node(lab, "n1")
    # The grace period of 16 s, the controller's look every 2 s, and a busy machine.
    assert within(24, lambda: ready(lab, binaries, "n1") == "Unknown")
    assert ready(lab, binaries, "n2") == "True"
    cluster.node_start(lab, "n1", binaries, [], PAUSE, silent)
    assert ready(lab, binaries, "n1") == "True"


def test_a_stopped_node_leaves_the_others_alone(labs: tuple[Instance, Instance], binaries: Path) -> None:
    lab = labs[0]
    cluster.node_stop(lab, "n3", silent)
    nodes = {node.name: node.on for node in cluster.status(lab).nodes}
    assert nodes == {"n1": True, "n2": True, "n3": False}
    up(lab, binaries)
    assert cluster.status(lab).running


def test_a_port_that_is_taken_is_said_before_anything_is_made(binaries: Path) -> None:
    lab = Instance("e2e-refused", Path("/var/tmp/jellyfin-ha-e2e-refused"))
    # The address it would get, which the bridge would have: other labs notice nothing.
    number = lab.next_number([route.range for route in network.routes()])
    script = (
        "import socket, sys; s = socket.socket(); s.setsockopt(socket.IPPROTO_IP, 15, 1); "
        "s.bind((sys.argv[1], 10259)); s.listen(); print(flush=True); input()"
    )
    blocker = subprocess.Popen(
        ["python3", "-c", script, str(Networks.of(number).nodes[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert blocker.stdout
        blocker.stdout.readline()
        with pytest.raises(UserError, match=r"port 10259 .* kube-scheduler.*python3") as refusal:
            up(lab, binaries)
    finally:
        blocker.communicate("\n", timeout=10)
    assert refusal.value.exit_code == 2
    assert not lab.root.exists()


def test_down_leaves_nothing_but_the_data(labs: tuple[Instance, Instance], binaries: Path) -> None:
    others = cluster.status(labs[1]).processes
    remember(labs[0], binaries, "kept")
    cluster.down(labs[0], silent)
    assert traces(labs[0]) == []
    assert cluster.status(labs[1]).processes == others
    up(labs[0], binaries)
    assert "kept" in kubectl(labs[0], binaries, "get", "configmaps")


def test_purge_leaves_nothing_at_all(labs: tuple[Instance, Instance]) -> None:
    for lab in labs:
        cluster.purge(lab, silent)
        assert traces(lab) == []
        assert not lab.state.exists()


def traces_of_node(lab: Instance, node: str) -> list[str]:
    return [line for line in traces(lab) if lab.veth(node) in line or lab.cgroup(node) in line]
