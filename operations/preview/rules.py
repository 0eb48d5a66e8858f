"""What is dangerous about a change: one table."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeGuard

from pydantic import JsonValue

from .changes import Change
from .properties import lookup, without_secrets

COMPONENT_LABEL = "app.kubernetes.io/component"

# The parts of this program, by the label on their objects.
DATABASE = "database"
LEASE_STORE = "lease-store"
SERVER = "web"

POD = "spec.template"

CONTAINERS = ("containers", "initContainers")

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


class Flag(StrEnum):
    """A kind of risk, the worst first."""

    DATA_LOSS = "data loss"
    REPLACED_VOLUME = "replaced volume"
    DOWNTIME = "downtime"
    UNPINNED_IMAGE = "image without digest"


@dataclass(frozen=True)
class Rule:
    """A kind of change that has a risk.

    Args:
        flag: the risk.
        applies: whether a change is of this kind.
        words: what it means; `{images}` stands for the images without digest.
    """

    flag: Flag
    applies: Callable[[Change], bool]
    words: str


def gone(*kinds: str, part: str | None = None) -> Callable[[Change], bool]:
    """Objects of these kinds, of one part of the program, that would be deleted, also to be made anew."""

    def applies(change: Change) -> bool:
        lost = change.operation in ("delete", "replace") and not change.retained
        return lost and change.kind in kinds and part in (None, part_of(change))

    return applies


def restarted(part: str) -> Callable[[Change], bool]:
    """StatefulSets of one part of the program whose pods would be made anew."""

    def applies(change: Change) -> bool:
        is_one = change.kind == "StatefulSet" and part_of(change) == part
        return is_one and change.operation == "update" and _touches(change, POD)

    return applies


def _new_server_image(change: Change) -> bool:
    before, after = (lookup(state, f"{POD}.spec.containers[0].image") for state in (change.old, change.new))
    return restarted(SERVER)(change) and before != after


def _server_otherwise(change: Change) -> bool:
    return restarted(SERVER)(change) and not _new_server_image(change)


def _fewer_replicas(change: Change) -> bool:
    before, after = (lookup(state, "spec.replicas") for state in (change.old, change.new))
    return isinstance(before, int) and isinstance(after, int) and after < before


def _other_volumes(change: Change) -> bool:
    replaced = change.operation == "replace" and _touches(change, "spec.volumeClaimTemplates")
    return replaced or (change.operation == "update" and _claims(change.old) != _claims(change.new))


def _credentials(change: Change) -> bool:
    return gone("Secret")(change) and change.name.endswith("-credentials")


def unpinned_images(change: Change) -> list[str]:
    """The images without digest that the change brings, sorted."""
    before, after = (set(_images(without_secrets(dict(state)))) for state in (change.old, change.new))
    return sorted(image for image in after - before if not DIGEST.search(image))


RULES: Final = (
    Rule(Flag.DATA_LOSS, gone("Namespace"), "every volume claim in it goes with it"),
    Rule(
        Flag.DATA_LOSS,
        gone("PersistentVolumeClaim"),
        "what is in its volume goes with it, unless the volume's reclaim policy is Retain; a new claim begins empty or "
        "with another volume",
    ),
    Rule(Flag.DATA_LOSS, gone("PersistentVolume"), "the volume is no longer to be had under this name"),
    Rule(
        Flag.DATA_LOSS,
        gone("StatefulSet", part=DATABASE),
        "PostgreSQL is taken down. Its claims stay in the cluster, but a new one of another size, class, name or "
        "namespace does not find its data in them: have a backup",
    ),
    Rule(
        Flag.DATA_LOSS,
        gone("RandomPassword", part=DATABASE),
        "the data in PostgreSQL's volume answers to the old password only, which is then known to nobody",
    ),
    Rule(Flag.DATA_LOSS, _credentials, "what was set up with these credentials cannot be opened with others"),
    Rule(Flag.REPLACED_VOLUME, gone("PersistentVolumeClaim", "PersistentVolume"), "pods get another volume"),
    Rule(Flag.REPLACED_VOLUME, _other_volumes, "its pods get other volumes, without what is in the present ones"),
    Rule(Flag.DOWNTIME, gone("StatefulSet", "Deployment", "DaemonSet"), "all its pods are stopped at once"),
    Rule(Flag.DOWNTIME, gone("Service"), "it cannot be reached meanwhile, and may get another address"),
    Rule(
        Flag.DOWNTIME,
        _new_server_image,
        "another server image stops all servers, and nobody is served until the database has been dumped and its "
        "schema upgraded",
    ),
    Rule(
        Flag.DOWNTIME,
        _server_otherwise,
        "the servers are restarted one after the other; each one's clients are moved and have to log in again",
    ),
    Rule(
        Flag.DOWNTIME,
        restarted(DATABASE),
        "PostgreSQL is restarted, and servers answer with errors meanwhile. One of another major version does not "
        "start with the data of the present one",
    ),
    Rule(Flag.DOWNTIME, restarted(LEASE_STORE), "Redis is restarted: nobody can win a lease meanwhile"),
    Rule(Flag.DOWNTIME, _fewer_replicas, "fewer replicas: the clients of those that go are cut off"),
    Rule(
        Flag.UNPINNED_IMAGE,
        lambda change: bool(unpinned_images(change)),
        "{images}: what runs can become another one without a change here",
    ),
)


def part_of(change: Change) -> str | None:
    """Which part of the program a resource is of: by its label, or by its component when it is no object."""
    for state in (change.new, change.old):
        label = lookup(state, f'metadata.labels["{COMPONENT_LABEL}"]')
        if isinstance(label, str):
            return label
    return DATABASE if ":PostgresDatabase$" in change.urn else None


def _touches(change: Change, path: str) -> bool:
    return any(found.path.startswith(path) for found in change.properties)


def _claims(state: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The claims that a pod template mounts, by the name of the volume."""
    volumes = lookup(state, f"{POD}.spec.volumes")
    mounted = (volume for volume in volumes if isinstance(volume, dict)) if isinstance(volumes, list) else ()
    return {
        str(volume.get("name")): lookup(volume, "persistentVolumeClaim.claimName")
        for volume in mounted
        if "persistentVolumeClaim" in volume
    }


def _images(value: JsonValue) -> Iterator[str]:
    """The images of all containers, wherever the pods' template stands."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key in CONTAINERS and isinstance(part, list):
                yield from (str(container["image"]) for container in part if _has_image(container))
            else:
                yield from _images(part)
    elif isinstance(value, list):
        for part in value:
            yield from _images(part)


def _has_image(container: JsonValue) -> TypeGuard[dict[str, JsonValue]]:
    return isinstance(container, dict) and isinstance(container.get("image"), str)
