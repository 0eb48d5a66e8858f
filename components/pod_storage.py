"""The storage class of volumes that one pod owns."""

import json
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from .common import child, metadata

PROVISIONER = "driver.longhorn.io"

# Where Longhorn's chart and manifest put it, and the only place where it looks for jobs.
LONGHORN_NAMESPACE = "longhorn-system"


class LonghornJob(TypedDict):
    """What Longhorn does with a volume again and again."""

    task: str
    """snapshot (beside the volume, on the same disks) or backup (to Longhorn's backup target)."""

    cron: str
    """When, as a cron expression of five fields."""

    retain: int
    """How many of them are kept."""


class LonghornClass(TypedDict):
    """Parameters of a Longhorn storage class, as Longhorn's reference of them explains."""

    replicas: NotRequired[int]
    """Copies on different nodes; 1 when absent."""

    data_locality: NotRequired[str]
    """disabled, best-effort or strict-local; "best-effort" when absent, so that reads do not cross the network."""

    stale_replica_minutes: NotRequired[int]
    """How long a replica may fail before it is given up and made anew; 30 when absent, Longhorn's own default."""

    fs_type: NotRequired[str]
    """ext4 (when absent) or xfs."""

    node_selector: NotRequired[list[str]]
    """Longhorn's tags of the nodes that may hold replicas; any node when absent."""

    disk_selector: NotRequired[list[str]]
    """Longhorn's tags of the disks that may hold replicas; any disk when absent."""

    keep: NotRequired[bool]
    """Whether volumes outlive their claims (reclaim policy Retain); False when absent."""

    jobs: NotRequired[dict[str, LonghornJob]]
    """Jobs to make for these volumes; the RecurringJob is called `<class>-<key>`, at most 40 characters."""

    job_groups: NotRequired[list[str]]
    """Groups of jobs that are there already and that these volumes shall belong to."""

    namespace: NotRequired[str]
    """Longhorn's; "longhorn-system" when absent."""


class PodStorageArgs(TypedDict):
    """What PodStorage takes: at most one of storage_class and longhorn."""

    instance: str
    """The stack, for the label app.kubernetes.io/instance."""

    storage_class: NotRequired[pulumi.Input[str]]
    """A class that exists already."""

    longhorn: NotRequired[LonghornClass]
    """Makes the class `<name>` on Longhorn, which must be installed."""


class PodStorage(pulumi.ComponentResource):
    """The storage class of volumes that one pod owns (`jellyfin-ha:index:PodStorage`).

    Makes a Longhorn StorageClass and its RecurringJobs, or nothing when an existing class or the cluster's default
    serves. Volumes are bound when their pod is scheduled. Longhorn reads a class when it makes a volume and never
    again: other parameters make the class anew and leave the volumes as they are. A cluster without Longhorn fails
    the update at the jobs, or leaves the claims pending when there are none.

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
            jobs = [
                self._job(f"{name}-{key}", args["instance"], job, args["longhorn"])
                for key, job in args["longhorn"].get("jobs", {}).items()
            ]
            self._class(name, args["instance"], args["longhorn"], jobs)
            # By name, not by output: a class that is made anew would otherwise take its claims along.
            self.storage_class = pulumi.Output.from_input(name)
        else:
            self.storage_class = pulumi.Output.from_input(args.get("storage_class"))
        self.register_outputs({"storage_class": self.storage_class})

    def _class(
        self, name: str, instance: str, longhorn: LonghornClass, jobs: list[k8s.apiextensions.CustomResource]
    ) -> None:
        parameters = {
            "numberOfReplicas": str(longhorn.get("replicas", 1)),
            "dataLocality": longhorn.get("data_locality", "best-effort"),
            "staleReplicaTimeout": str(longhorn.get("stale_replica_minutes", 30)),
            "fsType": longhorn.get("fs_type", "ext4"),
            "nodeSelector": ",".join(longhorn.get("node_selector", [])),
            "diskSelector": ",".join(longhorn.get("disk_selector", [])),
            "recurringJobSelector": _selected(name, longhorn),
        }
        k8s.storage.v1.StorageClass(
            name,
            metadata=metadata(name, None, "storage", instance),
            provisioner=PROVISIONER,
            allow_volume_expansion=True,
            reclaim_policy="Retain" if longhorn.get("keep", False) else "Delete",
            volume_binding_mode="WaitForFirstConsumer",
            parameters={key: value for key, value in parameters.items() if value},
            opts=child(self, depends_on=jobs),
        )

    def _job(
        self, name: str, instance: str, job: LonghornJob, longhorn: LonghornClass
    ) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            name,
            api_version="longhorn.io/v1beta2",
            kind="RecurringJob",
            metadata=metadata(name, longhorn.get("namespace", LONGHORN_NAMESPACE), "storage", instance),
            spec={
                "name": name,
                "task": job["task"],
                "cron": job["cron"],
                "retain": job["retain"],
                "concurrency": 1,
                "groups": [],
                "labels": {},
            },
            opts=child(self),
        )


def _selected(name: str, longhorn: LonghornClass) -> str:
    """Longhorn's form for the jobs and groups of a class; empty for none."""
    chosen = [
        *({"name": f"{name}-{key}", "isGroup": False} for key in longhorn.get("jobs", {})),
        *({"name": group, "isGroup": True} for group in longhorn.get("job_groups", [])),
    ]
    return json.dumps(chosen, separators=(",", ":")) if chosen else ""
