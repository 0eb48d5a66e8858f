"""The settings of storage classes on Longhorn, with Longhorn's own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import DnsLabel, Model, NoTruth, text
from .rules import one_when

Tag = Annotated[str, text(r"^[^,\s]+$", "a tag, without commas and spaces")]
Copies = Annotated[int, Field(ge=1, le=20), NoTruth]

Part = Literal["perPod", "database", "leaseStore"]
CLASS_NAMES: Mapping[Part, str] = {"perPod": "pod-storage", "database": "database", "leaseStore": "lease-store"}

ONE_COPY_HERE = one_when("numberOfReplicas", "dataLocality", "strict-local", default=1)
ONE_KEPT_COPY_HERE = one_when("numberOfReplicas", "dataLocality", "strict-local", default=2)


class Longhorn(Model):
    """A Longhorn storage class that the stack makes."""

    model_config = ONE_COPY_HERE.config

    number_of_replicas: Copies = 1
    """Copies on different nodes. What is per pod can be made again: one is enough."""

    data_locality: Literal["disabled", "best-effort", "strict-local"] = "best-effort"
    """Whether a copy is kept on the node that uses it, so that reads do not cross the network."""

    stale_replica_timeout: Annotated[int, Field(ge=1), NoTruth] = 30
    """Minutes that a copy may fail before it is given up and made anew; Longhorn's own default."""

    fs_type: Literal["ext4", "xfs"] = "ext4"
    """The file system."""

    node_selector: list[Tag] = Field(default_factory=list)
    """Longhorn's tags of the nodes that may hold copies; any node when absent."""

    disk_selector: list[Tag] = Field(default_factory=list)
    """Longhorn's tags of the disks that may hold copies; any disk when absent."""

    @model_validator(mode="after")
    def _one_copy_here(self) -> Longhorn:
        if self.data_locality == "strict-local" and self.number_of_replicas != 1:
            raise ONE_COPY_HERE.broken()
        return self


class LonghornJob(Model):
    """A snapshot or backup of a volume, again and again."""

    task: Literal["snapshot", "backup"]
    """`snapshot` stays on the same disks; `backup` goes to Longhorn's backup target."""

    cron: Annotated[str, text(r"^\S+( \S+){4}$", "a cron expression of five fields, such as 0 3 * * *")]
    """When."""

    retain: Annotated[int, Field(ge=1, le=100), NoTruth] = 7
    """How many are kept."""


class KeptLonghorn(Longhorn):
    """A Longhorn class for data that cannot be made again."""

    model_config = ONE_KEPT_COPY_HERE.config

    number_of_replicas: Copies = 2
    """Copies on different nodes."""

    recurring_jobs: dict[DnsLabel, LonghornJob] = Field(default_factory=dict)
    """Jobs to make for the volume, a key each with `task` (`snapshot` or `backup`), `cron` and `retain` (7)."""

    recurring_job_groups: list[DnsLabel] = Field(default_factory=list)
    """Groups of jobs that are there already and that the volume shall belong to."""

    namespace: DnsLabel = "longhorn-system"
    """Longhorn's."""


def own_class(namespace: str, part: Part) -> str:
    """The storage class that a stack makes for a part: classes belong to no namespace, and two stacks must not meet."""
    return f"{namespace}-{CLASS_NAMES[part]}"
