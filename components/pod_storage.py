"""Storage of which every replica has its own."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from .common import child, metadata

# Longhorn, settings reference: a replica that was away for longer than this is rebuilt from scratch.
STALE_REPLICA_MINUTES = 30


class LonghornClass(TypedDict):
    """Parameters of a Longhorn storage class."""

    replicas: NotRequired[int]
    """Copies on different nodes. 1 when absent: what is per pod here can be made again, so a copy buys nothing."""

    data_locality: NotRequired[str]
    """disabled, best-effort or strict-local; "best-effort" when absent, so that segments do not cross the network."""


class PodStorageArgs(TypedDict):
    """What PodStorage takes: at most one of storage_class and longhorn."""

    instance: str
    """The stack, for the label app.kubernetes.io/instance."""

    storage_class: NotRequired[pulumi.Input[str]]
    """A class that exists already."""

    longhorn: NotRequired[LonghornClass]
    """Makes the class `<name>` on Longhorn, which must be installed."""


class PodStorage(pulumi.ComponentResource):
    """The storage class of the per-pod volumes (`jellyfin-ha:index:PodStorage`).

    Makes a Longhorn StorageClass, or nothing when an existing class or the cluster's default serves. Volumes
    are bound when their pod is scheduled. What they hold (transcodes, caches) is made again when it is lost.

    Raises:
        ValueError: both storage_class and longhorn were given.
    """

    storage_class: pulumi.Output[str | None]
    """The class to name in claims; None is the cluster's default."""

    def __init__(self, name: str, args: PodStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        if "storage_class" in args and "longhorn" in args:
            raise ValueError(f"pod storage {name!r}: expected storage_class or longhorn, found both")
        super().__init__("jellyfin-ha:index:PodStorage", name, {}, opts)
        if "longhorn" in args:
            self.storage_class = self._longhorn_class(name, args["instance"], args["longhorn"])
        else:
            self.storage_class = pulumi.Output.from_input(args.get("storage_class"))
        self.register_outputs({"storage_class": self.storage_class})

    def _longhorn_class(self, name: str, instance: str, longhorn: LonghornClass) -> pulumi.Output[str | None]:
        made = k8s.storage.v1.StorageClass(
            name,
            metadata=metadata(name, None, "storage", instance),
            provisioner="driver.longhorn.io",
            allow_volume_expansion=True,
            reclaim_policy="Delete",
            volume_binding_mode="WaitForFirstConsumer",
            parameters={
                "numberOfReplicas": str(longhorn.get("replicas", 1)),
                "dataLocality": longhorn.get("data_locality", "best-effort"),
                "staleReplicaTimeout": str(STALE_REPLICA_MINUTES),
            },
            opts=child(self),
        )
        return made.metadata.apply(lambda meta: meta.name)
