"""The nodes' local volumes: a pool of folders that claims of class `lab-local` bind to."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..instance import Instance
from . import mounts
from .api import Api

STORAGE_CLASS = "lab-local"
PER_NODE = 8
# Nominal: nothing enforces it. Large enough for any claim that a lab makes.
CAPACITY = "20Gi"


def ensure_pool(instance: Instance, api: Api) -> list[str]:
    """Makes the class and the volumes that are missing, and offers again those whose claims are gone.

    Emptying needs no question: a volume is Released only when its claim was deleted, and the pool's volumes are made
    for whoever comes next.

    Returns:
        The names of the volumes that were emptied.
    """
    phases = {volume.metadata.name: volume.status.phase for volume in api.volumes()}
    emptied: list[str] = []
    for node, name, folder in _pool(instance):
        if name not in phases:
            folder.mkdir(parents=True, exist_ok=True)
            api.apply(f"/api/v1/persistentvolumes/{name}", _volume(node, name, folder))
        elif phases[name] == "Released":
            _empty(folder)
            api.merge(f"/api/v1/persistentvolumes/{name}", {"spec": {"claimRef": None}})
            emptied.append(name)
    return emptied


def shared_folder(instance: Instance, name: str, uid: int, gid: int) -> Path:
    """A folder that every node sees at the same path; made when missing, and given to `uid` and `gid`."""
    folder = instance.shared / name
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, uid, gid)
    # Files made in it belong to the group, so that pods of different users but one group can share them.
    folder.chmod(0o2775)
    return folder


def storage_class() -> dict[str, object]:
    """The class: nothing is provisioned, and a claim waits for its pod, because the pod's node decides."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    }


def _pool(instance: Instance) -> Iterator[tuple[str, str, Path]]:
    for node in instance.node_names:
        for place in range(1, PER_NODE + 1):
            yield node, f"{STORAGE_CLASS}-{node}-{place}", instance.volumes / node / str(place)


def _empty(folder: Path) -> None:
    # A new folder, because the old one carries the owner and mode that the last pod's group gave it.
    mounts.remove_tree(folder)
    folder.mkdir(parents=True)


def _volume(node: str, name: str, folder: Path) -> dict[str, object]:
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": CAPACITY},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "volumeMode": "Filesystem",
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
        },
    }
