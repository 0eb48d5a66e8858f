"""Volumes of other clusters, as far as an API server can judge them, and data that outlives what used it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from jellyfin_ha.components import PodStorage, SharedStorage
from jellyfin_ha.lab.library import SAMPLE_USERS
from tests.e2e.conftest import ROOT, Stack
from tests.e2e.household import answers
from tests.integration.mediaserver_processes import logged_in
from tests.integration.processes import wait_until
from tests.unit.engine import install

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

RECURRING_JOB = Path(__file__).with_name("longhorn_recurring_job.yaml")
LONGHORN = "e2e-longhorn"
KEPT = "e2e-kept"
ANSWER_SECONDS = 30.0
BOUND_SECONDS = 30.0


def manifests(program: Callable[[], object]) -> str:
    """What a program asks Kubernetes for, as a file for kubectl."""
    engine = install()

    @pulumi.runtime.test
    def whole() -> None:
        program()

    whole()
    asked = [inputs for (token, _), inputs in engine.resources.items() if token.startswith("kubernetes:")]
    # The engine knows no integers.
    return yaml.safe_dump_all(json.loads(json.dumps(asked), parse_float=lambda number: int(float(number))))


def documented(start: str, **replaced: str) -> list[str]:
    """The command of docs/storage.md that starts so, with other names put in."""
    page = (ROOT / "docs" / "storage.md").read_text()
    (line,) = re.findall(rf"^{re.escape(start)}.*$", page, flags=re.MULTILINE)
    for name, value in replaced.items():
        assert name in line
        line = line.replace(name, value)
    return shlex.split(line)


def as_run(stack: Stack) -> Path:
    return stack.instance.state / "pulumi" / "Pulumi.dev.yaml"


def password(stack: Stack) -> str:
    template = "go-template={{.data.POSTGRES_PASSWORD|base64decode}}"
    return stack.kubectl("get", "secret", "jellyfin-postgres-credentials", "--output", template)


def check_that_all_is_there(stack: Stack, rows: int) -> None:
    status = stack.status()
    assert status["migration"]["rows"] == rows
    assert [replica["ready"] for replica in status["replicas"]] == [True, True]
    wait_until(lambda: answers(status["url"]), seconds=ANSWER_SECONDS, what="an answer")
    user = SAMPLE_USERS[0]
    logged_in(status["url"], user.name, user.password, "desk").stop()


@pytest.fixture
def longhorns_jobs(stack: Stack) -> Iterator[None]:
    """The kind of object that Longhorn's jobs are, and a namespace like Longhorn's."""
    stack.apply(RECURRING_JOB.read_text())
    stack.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": LONGHORN}}))
    stack.kubectl("wait", "--for=condition=Established", "customresourcedefinition/recurringjobs.longhorn.io")
    yield
    stack.kubectl("delete", "namespace", LONGHORN, "--timeout=120s")
    stack.kubectl("delete", "customresourcedefinition", "recurringjobs.longhorn.io", "--timeout=120s")


@pytest.mark.parametrize("csi", [False, True], ids=["the kubelet", "csi-driver-nfs"])
def test_the_api_server_takes_nfs_volumes(stack: Stack, csi: bool) -> None:
    def program() -> None:
        nfs: Any = {"server": "nas.home", "path": "/pool/config", "csi": csi}
        SharedStorage("dry-run", {"namespace": "jellyfin", "instance": "dry-run", "size": "10Gi", "nfs": nfs})

    said = stack.apply(manifests(program), "--dry-run=server")
    assert "persistentvolume/jellyfin-dry-run serverside-applied" in said
    assert "persistentvolumeclaim/dry-run serverside-applied" in said


def test_the_api_server_takes_a_longhorn_class_and_its_jobs(stack: Stack, longhorns_jobs: None) -> None:
    def program() -> None:
        jobs: Any = {"nightly": {"task": "backup", "cron": "0 3 * * *", "retain": 7}}
        longhorn: Any = {"keep": True, "disk_selector": ["ssd"], "jobs": jobs, "namespace": LONGHORN}
        PodStorage("dry-run", {"instance": "dry-run", "longhorn": longhorn})

    asked = manifests(program)
    said = stack.apply(asked, "--dry-run=server")
    assert "storageclass.storage.k8s.io/dry-run serverside-applied" in said
    assert "recurringjob.longhorn.io/dry-run-nightly serverside-applied" in said
    wrong = asked.replace("task: backup", "task: copy")
    assert wrong != asked
    command = ("kubectl", "apply", "--server-side", "--dry-run=server", "--filename=-")
    assert 'Unsupported value: "copy"' in stack.refused(*command, given=wrong)


def preview(stack: Stack, folder: Path, **storage: str) -> tuple[str, ...]:
    """The command that previews the stack with another volume for its database."""
    content = yaml.safe_load(as_run(stack).read_text())
    content["config"]["jellyfin-ha:database"]["storage"].update(storage)
    changed = folder / "Pulumi.dev.yaml"
    changed.write_text(yaml.safe_dump(content))
    return "preview", "--json", "--config-file", str(changed)


def test_a_larger_database_volume_is_a_change_of_its_claim_alone(stack: Stack, tmp_path: Path) -> None:
    steps = json.loads(stack.pulumi(*preview(stack, tmp_path, size="8Gi")))["steps"]
    changes = {step["urn"].rsplit("::", 1)[1]: step["op"] for step in steps if step["op"] != "same"}
    assert changes == {"data-jellyfin-postgres-0": "update"}


def test_a_smaller_volume_and_another_class_are_refused_at_preview(stack: Stack, tmp_path: Path) -> None:
    def said(**storage: str) -> str:
        return stack.refused("pulumi", *preview(stack, tmp_path, **storage), "--stack=dev", "--non-interactive")

    assert "can not be less than" in said(size="1Gi")
    assert "marked for protection" in said(storageClass="another")


def test_a_volume_is_not_destroyed_by_the_way(stack: Stack) -> None:
    command = ("pulumi", "destroy", "--yes", "--config-file", str(as_run(stack)), "--stack=dev", "--non-interactive")
    assert "it is protected" in stack.refused(*command)
    assert all(replica["ready"] for replica in stack.status()["replicas"])


def test_a_new_password_takes_hold_of_the_data_that_is_there(stack: Stack) -> None:
    before, rows = password(stack), stack.status()["migration"]["rows"]
    command = documented("pulumi state taint", home="dev")
    stack.pulumi(*(part for part in command[1:] if part not in ("--stack", "dev")))
    stack.command.ok("up")
    assert password(stack) != before
    check_that_all_is_there(stack, rows)


def test_a_stack_that_was_taken_down_comes_back_with_its_data(stack: Stack) -> None:
    before, rows = password(stack), stack.status()["migration"]["rows"]
    command = documented("pulumi destroy --exclude-protected", home="dev")
    assert command[-2:] == ["--stack", "dev"]
    stack.pulumi(*command[1:-2], "--yes", "--config-file", str(as_run(stack)))
    assert stack.kubectl("get", "statefulsets", "--output=name") == ""
    claims = stack.kubectl("get", "persistentvolumeclaims", "--output=name").split()
    for name in ("jellyfin-config", "jellyfin-media", "data-jellyfin-postgres-0", "cache-jellyfin-0"):
        assert f"persistentvolumeclaim/{name}" in claims
    stack.command.ok("up")
    assert password(stack) != before
    check_that_all_is_there(stack, rows)


@pytest.fixture
def kept_volume(stack: Stack, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A volume of a class that keeps volumes and lets them grow, and the claim for it, which is not made yet."""
    access: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "storageClassName": KEPT}
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": KEPT},
        "provisioner": "kubernetes.io/no-provisioner",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": KEPT},
        "spec": {
            **access,
            "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(tmp_path)},
            # As after an update that made it for this claim.
            "claimRef": {"namespace": "jellyfin", "name": KEPT},
        },
    }
    stack.apply(yaml.safe_dump_all([storage_class, volume]))
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": KEPT, "namespace": "jellyfin"},
        "spec": {**access, "resources": {"requests": {"storage": "1Gi"}}},
    }
    stack.kubectl("delete", "persistentvolumeclaim", KEPT, "--ignore-not-found", "--timeout=60s")
    stack.kubectl("delete", f"persistentvolume/{KEPT}", f"storageclass/{KEPT}", "--timeout=60s")


def test_a_volume_that_was_kept_goes_to_the_next_claim_of_the_same_name(
    stack: Stack, kept_volume: dict[str, Any]
) -> None:
    def phase(kind: str) -> str:
        return stack.kubectl("get", kind, KEPT, "--output=jsonpath={.status.phase}")

    def bound() -> bool:
        return phase("persistentvolumeclaim") == "Bound"

    stack.apply(yaml.safe_dump(kept_volume))
    wait_until(bound, seconds=BOUND_SECONDS, what="the first claim bound")
    stack.kubectl("delete", "persistentvolumeclaim", KEPT, "--timeout=60s")
    wait_until(lambda: phase("persistentvolume") == "Released", seconds=BOUND_SECONDS, what="the volume released")
    stack.kubectl(*documented("kubectl patch pv", VOLUME=KEPT)[1:])
    stack.apply(yaml.safe_dump(kept_volume))
    wait_until(bound, seconds=BOUND_SECONDS, what="the second claim bound")


def test_the_claim_of_one_server_can_be_made_larger_by_hand(stack: Stack, kept_volume: dict[str, Any]) -> None:
    stack.apply(yaml.safe_dump(kept_volume))
    wait_phase = "--for=jsonpath={.status.phase}=Bound"
    stack.kubectl("wait", wait_phase, f"persistentvolumeclaim/{KEPT}", f"--timeout={BOUND_SECONDS:.0f}s")
    command = documented("kubectl -n jellyfin patch pvc", **{"transcode-jellyfin-0": KEPT})
    stack.kubectl(*command[1:])
    asked = stack.kubectl("get", "persistentvolumeclaim", KEPT, "--output=jsonpath={.spec.resources.requests.storage}")
    assert asked == "40Gi"
