"""A GPU for each server."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import DnsName, Model, NoTruth, text
from .rules import exactly_one, not_both

Groups = list[Annotated[int, Field(ge=0, le=2**31 - 1), NoTruth]]
RenderDevice = Annotated[str, text(r"^/dev/dri/renderD[0-9]+$", "a device file such as /dev/dri/renderD128")]
Count = Annotated[int, Field(ge=1, le=99), NoTruth]

COUNTED_OR_SHOWN = not_both("count", "visibleDevices")
ONE_CLAIM = exactly_one("deviceClass", "claimTemplate")


class IntelGpu(Model):
    """A GPU that Intel's device plugin hands out."""

    driver: Literal["i915", "xe"]
    """The kernel's driver of the GPU; each server asks for `gpu.intel.com/<driver>`."""

    groups: Groups
    """Groups that own the nodes' device files; `[]` where the nodes hand them to the pod's own user."""

    count: Count = 1
    """How many each server gets."""

    acceleration: Literal["qsv", "vaapi"] = "qsv"
    """What Jellyfin uses."""

    render_device: RenderDevice = "/dev/dri/renderD128"
    """The device file that Jellyfin opens."""


class NvidiaGpu(Model):
    """An NVIDIA GPU: counted by the device plugin, or shown by the runtime alone."""

    model_config = COUNTED_OR_SHOWN.config

    count: Count | None = None
    """How many `nvidia.com/gpu` each server gets; 1 when absent."""

    visible_devices: Annotated[str, text(r".", "text such as all")] | None = None
    """`NVIDIA_VISIBLE_DEVICES` in place of `count`: nothing is counted."""

    runtime_class: DnsName | None = None
    """The RuntimeClass; the node's default runtime when absent."""

    @model_validator(mode="after")
    def _one_way(self) -> NvidiaGpu:
        if self.count is not None and self.visible_devices is not None:
            raise COUNTED_OR_SHOWN.broken()
        return self


class DraGpu(Model):
    """A GPU by dynamic resource allocation: exactly one of deviceClass and claimTemplate."""

    model_config = ONE_CLAIM.config

    acceleration: Literal["qsv", "vaapi", "nvenc"]
    """What Jellyfin uses."""

    device_class: DnsName | None = None
    """A DeviceClass, of which a ResourceClaimTemplate is made."""

    claim_template: DnsName | None = None
    """A ResourceClaimTemplate that is there already."""

    groups: Groups = Field(default_factory=list)
    """Groups that own the nodes' device files."""

    render_device: RenderDevice = "/dev/dri/renderD128"
    """The device file that Jellyfin opens."""

    @model_validator(mode="after")
    def _one_source(self) -> DraGpu:
        if (self.device_class is None) == (self.claim_template is None):
            raise ONE_CLAIM.broken()
        return self


class HostPathGpu(Model):
    """The node's /dev/dri, mounted as it is."""

    acceleration: Literal["qsv", "vaapi"]
    """What Jellyfin uses."""

    groups: Annotated[Groups, Field(min_length=1)]
    """Groups that own the nodes' device files."""

    privileged: bool = False
    """Run the servers' containers privileged: every device of the node, no confinement."""

    render_device: RenderDevice = "/dev/dri/renderD128"
    """The device file that Jellyfin opens."""


class Gpu(Model):
    """A GPU for each server: one of intel, nvidia, dra and hostPath; or nodeSelector alone."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels of the nodes that have one."""

    intel: IntelGpu | None = None
    """A GPU that Intel's device plugin hands out."""

    nvidia: NvidiaGpu | None = None
    """An NVIDIA GPU; `{}` asks the device plugin for one."""

    dra: DraGpu | None = None
    """A GPU by dynamic resource allocation."""

    host_path: HostPathGpu | None = None
    """The node's `/dev/dri`, mounted as it is."""

    @model_validator(mode="after")
    def _one_kind(self) -> Gpu:
        given = sum(kind is not None for kind in (self.intel, self.nvidia, self.dra, self.host_path))
        if given > 1 or not (given or self.node_selector):
            raise ValueError("expected one of intel, nvidia, dra, hostPath, or nodeSelector alone; or {} for none")
        return self
