"""What the lab lays over a stack file: everything that is different on one machine without a registry."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from jellyfin_ha.components.server_images import DEFAULT_FLAVOR

NODE_PORT = 30096
MIGRATION_KEY = "jellyfin-ha:migration"


def merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """`below` with the values of `above` laid over it, mapping by mapping; None in `above` takes a key away."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            base = cast(Mapping[str, object], under) if isinstance(under, Mapping) else {}
            result[key] = merged(base, cast(Mapping[str, object], value))
        else:
            result[key] = value
    return result


def laid_over(stack_file: Mapping[str, object], overlay: Mapping[str, object]) -> dict[str, object]:
    """A stack file with an environment's settings laid over it.

    Args:
        stack_file: the committed one. What it says of a migration counts whole, "none" (`{}` or no value) too.
        overlay: the environment's settings.
    """
    own = cast(Mapping[str, object], stack_file.get("config", {}))
    config = merged(own, {key: value for key, value in overlay.items() if key != MIGRATION_KEY or key not in own})
    # Pulumi would make an empty text of a key without a value.
    return {**stack_file, "config": {key: value for key, value in config.items() if value is not None}}


def lab_overlay(
    *,
    kubeconfig: Path,
    address: str,
    images: Mapping[str, str],
    config_folder: Path,
    media_folder: Path,
    source: Path,
    storage_class: str,
    server_nodes: Mapping[str, str],
    single_node: Mapping[str, str],
) -> dict[str, object]:
    """The settings of a stack in the lab.

    Args:
        kubeconfig: of the lab's administrator.
        address: of a node that is up whichever server node dies.
        images: the references of postgres, redis and mediaserver.
        config_folder: a folder that every node sees, in the place of an NFS export.
        media_folder: likewise.
        source: the single server's jellyfin.db.
        storage_class: of per-pod volumes.
        server_nodes: labels of the nodes that run servers.
        single_node: labels of the node that runs what is single.
    """
    return {
        "kubernetes:kubeconfig": str(kubeconfig),
        "jellyfin-ha:server": {
            "image": images["mediaserver"],
            "flavor": DEFAULT_FLAVOR,
            "url": f"http://{address}:{NODE_PORT}",
            "service": {"type": "NodePort", "nodePort": NODE_PORT},
            "nodeSelector": server_nodes,
        },
        # The reference server's image has Python.
        "jellyfin-ha:tools": {"image": images["mediaserver"]},
        "jellyfin-ha:database": {
            "image": images["postgres"],
            "storage": {"storageClass": storage_class},
            "nodeSelector": single_node,
        },
        "jellyfin-ha:leaseStore": {
            "image": images["redis"],
            "storage": {"storageClass": storage_class},
            "nodeSelector": single_node,
        },
        "jellyfin-ha:storage": {
            "config": {"storageClass": None, "nfs": None, "existingClaim": None, "hostPath": str(config_folder)},
            "media": {"storageClass": None, "nfs": None, "existingClaim": None, "hostPath": str(media_folder)},
            "perPod": {"storageClass": storage_class, "longhorn": None},
        },
        MIGRATION_KEY: {"source": str(source)},
    }
