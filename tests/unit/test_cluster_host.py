"""What a lab asks of the machine before it makes anything, and what it never removes."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from jellyfin_ha.lab import cluster
from jellyfin_ha.lab.cluster import cgroups, commands, mounts, network, node_files
from jellyfin_ha.lab.cluster.api import Node, Pod
from jellyfin_ha.lab.instance import Instance
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class Usage(NamedTuple):
    """What shutil.disk_usage returns."""

    total: int
    used: int
    free: int


@pytest.fixture
def lab(tmp_path: Path) -> Instance:
    return Instance("a", tmp_path / "state")


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def refusal_of_up(lab: Instance) -> str:
    with pytest.raises(UserError) as refusal:
        cluster.up(lab, Path("/opt/bin"), [], "docker.io/lab/pause:1", silent)
    assert refusal.value.exit_code == 2
    assert not lab.root.exists(), "nothing was made"
    return str(refusal.value)


def test_only_root_may_start_a_lab(lab: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "found user 1000" in refusal_of_up(lab)
    with pytest.raises(UserError, match="root"):
        cluster.down(lab, silent)


def test_only_linux_can_carry_a_lab(lab: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "found darwin" in refusal_of_up(lab)


@pytest.mark.usefixtures("as_root")
def test_a_missing_program_is_named(lab: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None if name == "runc" else f"/usr/bin/{name}")
    said = refusal_of_up(lab)
    assert "runc" in said
    assert "jellyfin-ha lab packages" in said


@pytest.mark.usefixtures("as_root")
def test_too_little_disk_is_said_with_both_sizes(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bridge").touch()
    monkeypatch.setattr(node_files, "CNI_PLUGINS", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/usr/bin/{name}")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(9, 9, 1_500_000_000))
    said = refusal_of_up(lab)
    assert "expected 6 GB free" in said
    assert "found 1.5 GB" in said


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("act", [cluster.node_kill, lambda lab, name: cluster.node_stop(lab, name, silent)])
def test_an_unknown_node_is_bad_use(lab: Instance, act: object) -> None:
    assert callable(act)
    with pytest.raises(UserError, match="n1, n2, n3") as refusal:
        act(lab, "n9")
    assert refusal.value.exit_code == 2
    assert not lab.root.exists()


def test_the_log_of_an_unknown_process_is_bad_use(lab: Instance) -> None:
    with pytest.raises(UserError, match="n1-kubelet") as refusal:
        cluster.logs(lab, "sshd")
    assert refusal.value.exit_code == 2


def test_the_routes_of_the_machine_are_read_without_those_that_cover_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    routes = '[{"dst":"default","dev":"eth0"},{"dst":"10.0.0.0/8","dev":"tun0"},{"dst":"10.77.3.0/24","dev":"br0"}]'
    addresses = '[{"ifname":"br1","addr_info":[{"local":"10.77.4.9","prefixlen":24}]},{"ifname":"lo"}]'
    monkeypatch.setattr(network, "run", lambda *command: routes if "route" in command else addresses)
    assert [f"{route.range} {route.device}" for route in network.routes()] == ["10.77.3.0/24 br0", "10.77.4.0/24 br1"]


def test_a_program_that_is_not_there_fails_like_any_other() -> None:
    assert commands.attempt("no-such-program").returncode == 127
    with pytest.raises(UserError, match="no-such-program"):
        commands.run("no-such-program")


def mount_table(tmp_path: Path, *points: str) -> Path:
    table = tmp_path / "mountinfo"
    table.write_text("".join(f"36 35 98:0 / {point} rw - ext4 /dev/root rw\n" for point in points))
    return table


def test_mounts_below_a_folder_are_found_and_its_neighbours_are_not(tmp_path: Path) -> None:
    table = mount_table(tmp_path, "/", "/lab", "/lab/shared/my\\040films", "/labour")
    assert mounts.below(Path("/lab"), table) == [Path("/lab"), Path("/lab/shared/my films")]


def test_a_folder_with_a_mount_in_it_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = tmp_path / "shared" / "film.mkv"
    precious.parent.mkdir()
    precious.write_text("x")
    monkeypatch.setattr(mounts, "below", lambda folder: [precious.parent])
    with pytest.raises(UserError, match="unmount"):
        mounts.remove_tree(tmp_path)
    assert precious.exists()


def test_what_a_link_leads_to_is_not_removed(tmp_path: Path) -> None:
    precious = tmp_path / "film.mkv"
    precious.write_text("x")
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    mounts.remove_tree(folder)
    assert precious.exists()
    assert not folder.exists()


def make_v1(mount: Path) -> None:
    for controller in ("cpu", "cpuset", "memory"):
        (mount / controller).mkdir(parents=True)
        (mount / controller / "cgroup.procs").touch()
    (mount / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (mount / "cpuset" / "cpuset.mems").write_text("0\n")


def test_a_version_1_cpuset_gets_the_processors_of_the_machine(lab: Instance, tmp_path: Path) -> None:
    mount = tmp_path / "cgroup"
    make_v1(mount)
    cgroups.create(lab, "n1", mount)
    assert (mount / "cpuset" / lab.cgroup("n1") / "cpuset.cpus").read_text() == "0-1\n"
    assert len(cgroups.existing(lab, "n1", mount)) == 3
    assert cgroups.existing(lab, "n2", mount) == []


def test_a_version_2_cgroup_needs_every_controller(lab: Instance, tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    assert cgroups.version(tmp_path) == 2
    with pytest.raises(UserError, match="found no cpuset"):
        cgroups.create(lab, "n1", tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids rdma\n")
    cgroups.create(lab, "n1", tmp_path)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +cpuset +io +memory +pids"


def test_a_machine_without_cgroups_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found neither") as refusal:
        cgroups.version(tmp_path)
    assert refusal.value.exit_code == 2


def node_with(ready: str, taint: str | None = None) -> Node:
    conditions = [{"type": "Ready", "status": ready, "lastHeartbeatTime": "2026-01-01T12:00:00Z"}]
    taints = [{"key": taint}] if taint else []
    return Node.model_validate(
        {"metadata": {"name": "n1"}, "spec": {"taints": taints}, "status": {"conditions": conditions}}
    )


def test_a_node_is_not_ready_by_a_report_from_before_its_start() -> None:
    assert node_with("True").ready_since(NOW)
    assert not node_with("True").ready_since(NOW.replace(second=1))
    assert not node_with("Unknown").ready_since(NOW)
    assert not node_with("True", "node.kubernetes.io/unreachable").ready_since(NOW)
    assert node_with("True", "example.org/mine").ready_since(NOW)


def test_a_pod_is_stale_while_it_is_said_to_run_since_before_the_power_cut() -> None:
    def pod(state: dict[str, object]) -> Pod:
        return Pod.model_validate({"spec": {"nodeName": "n1"}, "status": {"containerStatuses": [{"state": state}]}})

    assert pod({"running": {"startedAt": "2026-01-01T11:59:59Z"}}).runs_since_before(NOW)
    assert not pod({"running": {"startedAt": "2026-01-01T12:00:00Z"}}).runs_since_before(NOW)
    assert not pod({"terminated": {"exitCode": 0}}).runs_since_before(NOW)
    assert not Pod.model_validate({"spec": {}, "status": {}}).runs_since_before(NOW)
