"""The names and addresses of a lab."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import pairwise
from pathlib import Path

import pytest

from jellyfin_ha.lab.instance import NETWORK_NUMBERS, Instance, Networks
from jellyfin_ha.operations.errors import UserError


def test_a_checkout_has_always_the_same_lab_and_another_checkout_another(tmp_path: Path) -> None:
    first = Instance.of_checkout(tmp_path / "a", environ={})
    assert first == Instance.of_checkout(tmp_path / "b" / ".." / "a", environ={})
    assert first.id != Instance.of_checkout(tmp_path / "b", environ={}).id
    assert first.state == Path("/var/lib/jellyfin-ha") / first.id


def test_the_environment_names_the_lab_and_its_folder(tmp_path: Path) -> None:
    lab = Instance.of_checkout(
        tmp_path, environ={"JELLYFIN_HA_INSTANCE": "drill-1", "JELLYFIN_HA_STATE": str(tmp_path / "state")}
    )
    assert lab.state == tmp_path / "state" / "drill-1"


@pytest.mark.parametrize("name", ["", "../x", "Drill", "-a", "a" * 21, "a b"])
def test_a_name_that_could_not_be_a_folder_or_a_label_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="JELLYFIN_HA_INSTANCE") as refusal:
        Instance.of_checkout(Path("/"), environ={"JELLYFIN_HA_INSTANCE": name})
    assert refusal.value.exit_code == 2


def test_labs_of_one_name_in_two_folders_share_no_kernel_name(tmp_path: Path) -> None:
    one, other = Instance("same", tmp_path / "a"), Instance("same", tmp_path / "b")
    assert one.key != other.key
    assert one.bridge != other.bridge
    assert not one.veth("n1").startswith(other.bridge)
    assert one.cgroup("n1") != other.cgroup("n1")


def test_the_kernel_accepts_the_interface_names(tmp_path: Path) -> None:
    lab = Instance("a" * 20, tmp_path)
    assert all(len(name) <= 15 for name in (lab.bridge, *map(lab.veth, lab.node_names)))


def test_no_two_numbers_share_an_address() -> None:
    every = [Networks.of(number) for number in NETWORK_NUMBERS]
    ranges = [r for networks in every for r in (networks.nodes, networks.pods, networks.services)]
    ordered = sorted(ranges, key=lambda r: r.network_address)
    assert not any(one.overlaps(after) for one, after in pairwise(ordered))


def test_a_lab_keeps_the_number_it_got_first(tmp_path: Path) -> None:
    lab = Instance("a", tmp_path)
    number = lab.claim_number([])
    assert lab.claim_number([Networks.of(number).nodes]) == number == lab.number


def test_a_new_lab_takes_the_lowest_number_that_nobody_uses(tmp_path: Path) -> None:
    Instance("first", tmp_path).claim_number([])
    on_the_machine = [IPv4Network("10.77.1.8/30"), IPv4Network("10.244.8.0/24"), IPv4Network("10.96.12.1/32")]
    assert Instance("second", tmp_path).claim_number(on_the_machine) == 4


def test_asking_for_the_next_number_writes_nothing(tmp_path: Path) -> None:
    lab = Instance("a", tmp_path / "state")
    assert lab.next_number([]) == 0
    assert not lab.root.exists()


def test_a_machine_without_a_free_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="all in use") as refusal:
        Instance("a", tmp_path).claim_number([IPv4Network("10.96.0.0/16")])
    assert refusal.value.exit_code == 2
    assert not Instance("a", tmp_path).state.exists()


def test_a_lab_that_was_never_started_has_no_addresses(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="start it first"):
        _ = Instance("a", tmp_path).api_url


def test_the_nodes_of_a_lab_have_addresses_of_their_own(tmp_path: Path) -> None:
    lab = Instance("a", tmp_path)
    lab.claim_number([])
    assert [str(lab.node_address(name)) for name in lab.node_names] == ["10.77.0.11", "10.77.0.12", "10.77.0.13"]
    pods = [lab.node_pods(name) for name in lab.node_names]
    assert len(set(pods)) == 3
    assert all(one.subnet_of(lab.networks.pods) for one in pods)


def test_an_unknown_node_is_bad_use(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="n1, n2, n3") as refusal:
        Instance("a", tmp_path).node_index("n4")
    assert refusal.value.exit_code == 2


def test_two_commands_do_not_work_on_one_lab_at_once(tmp_path: Path) -> None:
    lab = Instance("a", tmp_path)
    with lab.locked(), pytest.raises(UserError, match="no other command"), lab.locked():
        pass
    with lab.locked():
        pass
