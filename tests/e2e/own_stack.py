"""A stack of a person's own in the lab's cluster, beside the dev stack: a checkout, a stack file, a namespace."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jellyfin_ha.components.server_pod import SERVER_UID
from jellyfin_ha.lab.cache import cache_folder
from jellyfin_ha.lab.library import ensure
from jellyfin_ha.operations.progress import silent
from tests.e2e.conftest import ROOT, Command, Stack


@dataclass
class OwnStack:
    """Settings in `Pulumi.<name>.yaml`, run by `jellyfin-ha` in the existing cluster that the lab is."""

    lab: Stack
    name: str
    checkout: Path
    settings: dict[str, Any]
    command: Command = field(init=False)
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.command = Command(self.checkout)
        self.environment = {
            "KUBECONFIG": str(self.lab.instance.kubeconfig),
            "JELLYFIN_HA_STATE": str(self.state),
        }
        self.write()

    @property
    def url(self) -> str:
        """Where its servers are reached."""
        return str(self.settings["server"]["url"])

    @property
    def state(self) -> Path:
        """Where its state is kept, and nothing of the dev stack's."""
        return self.checkout.parent / "state"

    @property
    def file(self) -> Path:
        """The person's stack file."""
        return self.checkout / f"Pulumi.{self.name}.yaml"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of the command that brings it up."""
        kubeconfig = yaml.safe_load(self.lab.instance.kubeconfig.read_text())
        return ("up", "--stack", self.name, "--context", kubeconfig["current-context"])

    def write(self, **changed: Any) -> None:
        """Write the stack file, with some settings changed."""
        self.settings |= changed
        content = {"config": {f"jellyfin-ha:{key}": value for key, value in self.settings.items()}}
        self.file.write_text(yaml.safe_dump(content))

    def up(self) -> str:
        """Bring it up, which must succeed; what was printed."""
        return self.command.ok(*self.arguments, environment=self.environment)

    def try_up(self) -> subprocess.CompletedProcess[str]:
        """Bring it up, and see how that ends."""
        return self.command.run(*self.arguments, environment=self.environment)

    def status(self) -> dict[str, Any]:
        """`jellyfin-ha status --json`."""
        return json.loads(self.command.ok("status", "--stack", self.name, "--json", environment=self.environment))

    def kubectl(self, *arguments: str) -> str:
        """Runs kubectl in its namespace."""
        return self.lab.kubectl(f"--namespace={self.settings['namespace']}", *arguments)


def at_node_port(lab: Stack, port: int) -> dict[str, Any]:
    """Settings of servers that are reached at a port of the lab's nodes."""
    url = f"http://{lab.instance.node_address('n3')}:{port}"
    return {"url": url, "service": {"type": "NodePort", "nodePort": port}}


@contextmanager
def own_stack(
    lab: Stack, folder: Path, name: str, *, server: Mapping[str, Any], **settings: Any
) -> Generator[OwnStack]:
    """A stack that is not up yet, in a namespace of its name; whatever it made in the cluster is gone at the end.

    Args:
        lab: the dev stack, whose images it uses.
        folder: for its checkout, its state and its configuration.
        name: of the stack and of the namespace.
        server: its settings of the servers beside the image.
        settings: others beside those that the lab's cluster needs.
    """
    checkout = folder / "checkout"
    checkout.mkdir()
    for part in ("infra", "Pulumi.yaml"):
        (checkout / part).symlink_to(ROOT / part)
    config = folder / "config"
    config.mkdir()
    os.chown(config, SERVER_UID, SERVER_UID)
    images = json.loads(lab.pulumi("stack", "output", "--json"))["images"]
    small = {
        "namespace": name,
        "server": {"image": images["server"], **server},
        "tools": {"image": images["server"]},
        "database": {"image": images["database"], "storage": {"size": "5Gi", "storageClass": "lab-local"}},
        "leaseStore": {"image": images["lease_store"], "storage": {"size": "1Gi", "storageClass": "lab-local"}},
        "storage": {
            "config": {"hostPath": str(config)},
            "media": {"hostPath": str(ensure(cache_folder(), silent).media)},
            "perPod": {"storageClass": "lab-local"},
        },
    }
    try:
        yield OwnStack(lab, name, checkout, small | settings)
    finally:
        lab.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=180s")
        lab.kubectl("delete", "pv", f"{name}-jellyfin-config", f"{name}-jellyfin-media", "--ignore-not-found")
