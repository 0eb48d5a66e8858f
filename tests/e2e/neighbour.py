"""A stack of somebody's own, beside the dev stack in the lab's cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jellyfin_ha.components.server_pod import SERVER_UID
from jellyfin_ha.lab.cache import cache_folder
from jellyfin_ha.lab.library import ensure
from jellyfin_ha.operations.progress import silent
from tests.e2e.conftest import ROOT, Stack


def checkout_of_ones_own(
    stack: Stack, folder: Path, *, name: str, server: Mapping[str, Any], migration: Mapping[str, Any]
) -> Path:
    """A checkout whose one stack file is for the stack and namespace `name`, with what the lab's cluster offers.

    Args:
        stack: the dev stack, whose images it runs.
        folder: holds the checkout and the configuration folder of its servers.
        name: of the stack and of its namespace.
        server: settings beside the image.
        migration: settings.
    """
    checkout = folder / "checkout"
    checkout.mkdir()
    for link in ("infra", "Pulumi.yaml"):
        (checkout / link).symlink_to(ROOT / link)
    config = folder / "config"
    config.mkdir()
    os.chown(config, SERVER_UID, SERVER_UID)
    images = json.loads(stack.pulumi("stack", "output", "--json"))["images"]
    settings = {
        "namespace": name,
        "server": {"image": images["server"], **server},
        "database": {"image": images["database"], "storage": {"size": "5Gi", "storageClass": "lab-local"}},
        "leaseStore": {"image": images["lease_store"], "storage": {"size": "1Gi", "storageClass": "lab-local"}},
        "storage": {
            "config": {"hostPath": str(config)},
            "media": {"hostPath": str(ensure(cache_folder(), silent).media)},
            "perPod": {"storageClass": "lab-local"},
        },
        "migration": dict(migration),
    }
    content = {"config": {f"jellyfin-ha:{key}": value for key, value in settings.items()}}
    (checkout / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(content))
    return checkout


def up(stack: Stack, name: str) -> tuple[str, ...]:
    """The arguments of `jellyfin-ha` that bring the stack up in the lab's cluster as in one of somebody's own."""
    context = yaml.safe_load(stack.instance.kubeconfig.read_text())["current-context"]
    return ("up", "--stack", name, "--context", context)


def forget(stack: Stack, name: str) -> None:
    """Removes what is left of the stack, whatever became of it; nothing when it was destroyed."""
    stack.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=180s")
    stack.kubectl("delete", "pv", f"{name}-jellyfin-config", f"{name}-jellyfin-media", "--ignore-not-found")
