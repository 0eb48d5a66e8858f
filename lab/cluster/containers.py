"""Stopping what runs in a node's pods, each with the signal that its image asks for."""

import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import cast

from . import sandbox, waiting
from .commands import attempt

_KIND = "io.cri-containerd.kind"
_METADATA = "io.cri-containerd.container.metadata"
DEFAULT_SIGNAL = "SIGTERM"


@dataclass(frozen=True)
class Container:
    """A running container of a pod."""

    id: str
    stop_signal: str


def stop_all(nodes: Mapping[str, int], grace: float) -> None:
    """Stops the containers of these nodes, all at once, and waits until they have ended or `grace` seconds are over.

    Hooks of pods (preStop) are not run, as when a machine without a kubelet that knows of it is shut down.

    Args:
        nodes: node to its pid 1.
    """
    if not nodes:
        return
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(partial(_stop, grace), nodes.values()))


def _stop(grace: float, inside: int) -> None:
    running = _running(inside)
    for container in running:
        # It may end by itself meanwhile; that is what is wanted.
        attempt(*_ctr(inside), "tasks", "kill", "--signal", container.stop_signal, container.id)
    ids = {container.id for container in running}
    waiting.until(lambda: not ids & _running_ids(inside), seconds=grace, poll=0.2)


def _running(inside: int) -> list[Container]:
    found: list[Container] = []
    for task in sorted(_running_ids(inside)):
        described = attempt(*_ctr(inside), "containers", "info", task)
        if described.returncode == 0 and (container := parse(task, described.stdout)):
            found.append(container)
    return found


def parse(task: str, description: str) -> Container | None:
    """Reads what `ctr containers info` prints; None for the sandbox of a pod, which ends with its containers."""
    content = cast(dict[str, dict[str, str]], json.loads(description))
    if content.get("Labels", {}).get(_KIND) != "container":
        return None
    extensions = cast(dict[str, dict[str, str]], content.get("Extensions") or {})
    packed = extensions.get(_METADATA, {}).get("value", "")
    metadata = cast(dict[str, dict[str, str]], json.loads(base64.b64decode(packed) or "{}"))
    return Container(task, metadata.get("Metadata", {}).get("StopSignal") or DEFAULT_SIGNAL)


def _running_ids(inside: int) -> set[str]:
    listed = attempt(*_ctr(inside), "tasks", "list")
    rows = (line.split() for line in listed.stdout.splitlines()[1:])
    return {row[0] for row in rows if len(row) == 3 and row[2] == "RUNNING"}


def _ctr(inside: int) -> tuple[str, ...]:
    return (*sandbox.enter(inside), "ctr", "--namespace", "k8s.io")
