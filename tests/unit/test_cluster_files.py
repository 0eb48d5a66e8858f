"""What a lab writes for its programs, and how they are told to listen."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from jellyfin_ha.lab.cluster import control_plane, node, node_files, pki, shared_folder
from jellyfin_ha.lab.cluster.containers import parse
from jellyfin_ha.lab.instance import Instance

BINARIES = Path("/opt/bin")


@pytest.fixture
def lab(tmp_path: Path) -> Instance:
    made = Instance("a", tmp_path)
    made.claim_number([])
    return made


@pytest.fixture
def other_lab(lab: Instance) -> Instance:
    made = Instance("b", lab.root)
    made.claim_number([])
    return made


def test_two_control_planes_listen_on_no_common_address(lab: Instance, other_lab: Instance) -> None:
    for daemon in control_plane.daemons(lab, BINARIES):
        text = " ".join([*daemon.command, *daemon.files.values()])
        assert "0.0.0.0" not in text
        assert "127.0.0.1" not in text
        assert str(other_lab.bridge_address) not in text
    assert lab.bridge_address != other_lab.bridge_address


def test_everything_that_listens_is_looked_at_before_a_start() -> None:
    asked = {*control_plane.TCP_PORTS.values(), *control_plane.UDP_PORTS.values()}
    assert asked == set(control_plane.NAMES)


def test_two_labs_have_no_file_in_common(lab: Instance, other_lab: Instance) -> None:
    def files(of: Instance) -> set[Path]:
        every = [*control_plane.daemons(of, BINARIES)]
        for name in of.node_names:
            every += node.daemons(of, name, BINARIES, "docker.io/lab/pause:1", 1)
        return {path for daemon in every for path in daemon.files}

    assert files(lab).isdisjoint(files(other_lab))


def test_a_certificate_names_the_address_where_its_server_listens(lab: Instance) -> None:
    pki.ensure(lab)
    certificate = x509.load_pem_x509_certificate((pki.folder(lab) / "kube-apiserver.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.IPAddress)) == {lab.bridge_address, lab.networks.services[1]}
    authority = x509.load_pem_x509_certificate((pki.folder(lab) / "ca.crt").read_bytes())
    certificate.verify_directly_issued_by(authority)


def test_a_second_start_keeps_every_key(lab: Instance) -> None:
    pki.ensure(lab)
    before = {path: path.read_bytes() for path in [*pki.folder(lab).iterdir(), lab.kubeconfig]}
    pki.ensure(lab)
    assert {path: path.read_bytes() for path in [*pki.folder(lab).iterdir(), lab.kubeconfig]} == before


def test_a_start_that_was_interrupted_between_key_and_certificate_is_mended(lab: Instance) -> None:
    pki.ensure(lab)
    broken = pki.folder(lab) / "n1.crt"
    broken.unlink()
    pki.ensure(lab)
    key = x509.load_pem_x509_certificate(broken.read_bytes()).public_key()
    assert key == _private(broken.with_suffix(".key")).public_key()


def test_nobody_else_can_read_the_keys(lab: Instance) -> None:
    pki.ensure(lab)
    assert pki.folder(lab).stat().st_mode & 0o077 == 0
    assert lab.kubeconfig.stat().st_mode & 0o077 == 0


def test_the_kubeconfig_leads_to_this_lab(lab: Instance) -> None:
    pki.ensure(lab)
    content = yaml.safe_load(lab.kubeconfig.read_text())
    assert content["clusters"][0]["cluster"]["server"] == lab.api_url == "https://10.77.0.1:6443"


def test_the_certificate_of_etcd_is_of_another_authority(lab: Instance) -> None:
    pki.ensure(lab)
    served = x509.load_pem_x509_certificate((pki.folder(lab) / "etcd.crt").read_bytes())
    with pytest.raises(ValueError, match="Issuer"):
        served.verify_directly_issued_by(x509.load_pem_x509_certificate((pki.folder(lab) / "ca.crt").read_bytes()))


def test_a_node_gives_its_pods_addresses_that_the_others_route_to_it(lab: Instance) -> None:
    plugins = json.loads(node_files.network(lab, "n2"))["plugins"]
    assert plugins[0]["ipam"]["ranges"] == [[{"subnet": str(lab.node_pods("n2"))}]]


def test_two_kubelets_have_no_common_cgroup(lab: Instance, other_lab: Instance) -> None:
    roots = [yaml.safe_load(node_files.kubelet(of, n))["cgroupRoot"] for of in (lab, other_lab) for n in of.node_names]
    assert len(set(roots)) == 6


def test_containerd_gets_the_pause_image_by_its_reference() -> None:
    content = tomllib.loads(node_files.containerd("docker.io/lab/pause:1"))
    cri = content["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["sandbox_image"] == "docker.io/lab/pause:1"
    assert cri["restrict_oom_score_adj"] is True


def test_a_container_is_stopped_with_the_signal_of_its_image() -> None:
    # {"Version":"v1","Metadata":{"StopSignal":"SIGINT"}}
    packed = "eyJWZXJzaW9uIjoidjEiLCJNZXRhZGF0YSI6eyJTdG9wU2lnbmFsIjoiU0lHSU5UIn19"
    described = {
        "Labels": {"io.cri-containerd.kind": "container"},
        "Extensions": {"io.cri-containerd.container.metadata": {"type_url": "x", "value": packed}},
    }
    found = parse("c1", json.dumps(described))
    assert found is not None
    assert found.stop_signal == "SIGINT"
    found = parse("c1", json.dumps({**described, "Extensions": None}))
    assert found is not None
    assert found.stop_signal == "SIGTERM"
    assert parse("c1", json.dumps({"Labels": {"io.cri-containerd.kind": "sandbox"}})) is None


def test_a_shared_folder_keeps_what_is_in_it(lab: Instance) -> None:
    stat = lab.root.stat()
    folder = shared_folder(lab, "config", stat.st_uid, stat.st_gid)
    (folder / "system.xml").write_text("x")
    assert shared_folder(lab, "config", stat.st_uid, stat.st_gid) == lab.shared / "config"
    assert (folder / "system.xml").read_text() == "x"


def _private(path: Path) -> PrivateKeyTypes:
    return load_pem_private_key(path.read_bytes(), None)
