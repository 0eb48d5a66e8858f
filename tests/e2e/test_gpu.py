"""A real API server takes the pods of every kind of GPU, in a namespace of the level that the stack gives it.

The lab has no GPU: nothing here is scheduled, all is asked with a server-side dry run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack
from tests.unit.test_components import STATEFUL_SET, pod, server
from tests.unit.test_gpu import GPUS, TEMPLATE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

RUNTIME_CLASS = "nvidia"
PRIVILEGED: dict[str, Any] = {"host_path": {**GPUS["host path"]["host_path"], "privileged": True}}


@pytest.fixture(scope="module", autouse=True)
def places(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two namespaces, gpu-restricted and gpu-privileged, and NVIDIA's runtime class, as its operator makes it."""
    namespaces = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": f"gpu-{level}", "labels": {"pod-security.kubernetes.io/enforce": level}},
        }
        for level in ("restricted", "privileged")
    ]
    runtime = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": RUNTIME_CLASS},
        "handler": "nvidia",
    }
    path = written(tmp_path_factory.mktemp("gpu"), [*namespaces, runtime])
    stack.kubectl("apply", "-f", str(path))
    try:
        for namespace in namespaces:
            # Until it is there no pod is admitted.
            account = f"--namespace={namespace['metadata']['name']}"
            stack.kubectl("wait", "--for=create", "serviceaccount/default", account, "--timeout=60s")
        yield
    finally:
        stack.kubectl("delete", "-f", str(path), "--ignore-not-found", "--timeout=120s")


def written(folder: Path, objects: list[Any]) -> Path:
    path = folder / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return path


def objects_with(gpu: Any, namespace: str) -> list[Any]:
    """Everything that a GPU changes, and the pod that the StatefulSet would make."""
    engine = server(gpu=gpu, namespace=namespace)
    spec = pod(engine, STATEFUL_SET, "jellyfin")
    claims = [{"name": name, "emptyDir": {}} for name in ("transcode", "cache")]
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "jellyfin-0", "namespace": namespace},
        "spec": {**spec, "volumes": [*spec["volumes"], *claims]},
    }
    templates = [inputs for (token, _), inputs in engine.resources.items() if token == TEMPLATE]
    return [*templates, engine.of(STATEFUL_SET, "jellyfin"), made]


def try_out(stack: Stack, folder: Path, gpu: Any, level: str) -> list[str]:
    """What the API server would make, as "kind/name"."""
    namespace = f"gpu-{level}"
    path = written(folder, objects_with(gpu, namespace))
    said = stack.kubectl("apply", "--dry-run=server", f"--namespace={namespace}", "--output=name", "-f", str(path))
    return said.split()


@pytest.mark.parametrize("kind", [kind for kind in GPUS if kind != "host path"])
def test_a_restricted_namespace_takes_every_kind_that_leaves_devices_to_the_cluster(
    stack: Stack, tmp_path: Path, kind: str
) -> None:
    made = try_out(stack, tmp_path, GPUS[kind], "restricted")
    assert {"statefulset.apps/jellyfin", "pod/jellyfin-0"} <= set(made)
    assert ("resourceclaimtemplate.resource.k8s.io/jellyfin-gpu-intel-com" in made) == (kind == "dra")


@pytest.mark.parametrize("gpu", [GPUS["host path"], PRIVILEGED], ids=["mounted", "privileged"])
def test_the_nodes_device_files_need_a_namespace_that_admits_privileged_pods(
    stack: Stack, tmp_path: Path, gpu: Any
) -> None:
    assert "pod/jellyfin-0" in try_out(stack, tmp_path, gpu, "privileged")
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        try_out(stack, tmp_path, gpu, "restricted")
