"""The settings of the servers' GPUs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import DnsName, Model, NoTruth, text
from .rules import exactly_one, given, not_both, one_or_alone

Groups = list[Annotated[int, Field(ge=0, le=2**31 - 1), NoTruth]]
RenderDevice = Annotated[str, text(r"^/dev/dri/renderD[0-9]+$", "a device file such as /dev/dri/renderD128")]
Count = Annotated[int, Field(ge=1, le=99), NoTruth]


class IntelGpu(Model):
    """A GPU that Intel's device plugin hands out."""

    driver: Literal["i915", "xe"]
    """The kernel's driver of the GPU; each server asks for `gpu.intel.com/<driver>`."""

    groups: Groups
    """Ids of the groups that own the nodes' device files; `[]` where the nodes hand them to the pod's own user."""

    count: Count = 1
    """How many each server gets."""

    acceleration: Literal["qsv", "vaapi"] = "qsv"
    """What Jellyfin uses."""

    render_device: RenderDevice = "/dev/dri/renderD128"
    """The device file that Jellyfin opens."""


COUNTED_OR_SHOWN = not_both("count", "visibleDevices")


class NvidiaGpu(Model):
    """An NVIDIA GPU: counted by the device plugin, or shown by the runtime alone."""

    model_config = COUNTED_OR_SHOWN.config

    count: Count | None = None
    """How many `nvidia.com/gpu` each server gets; 1 when absent."""

    visible_devices: Annotated[str, text(r".", "devices as NVIDIA's runtime takes them, such as all")] | None = None
    """`NVIDIA_VISIBLE_DEVICES` in place of `count`, for nodes without the device plugin: nothing is counted."""

    runtime_class: DnsName | None = None
    """The RuntimeClass of NVIDIA's runtime; the node's default runtime when absent."""

    @model_validator(mode="after")
    def _one_way(self) -> NvidiaGpu:
        if self.count is not None and self.visible_devices is not None:
            raise COUNTED_OR_SHOWN.broken()
        return self


DRA_SOURCES = ("deviceClass", "claimTemplate")
ONE_CLAIM = exactly_one(*DRA_SOURCES)


class DraGpu(Model):
    """A GPU by dynamic resource allocation."""

    model_config = ONE_CLAIM.config

    acceleration: Literal["qsv", "vaapi", "nvenc"]
    """What Jellyfin uses."""

    device_class: DnsName | None = None
    """A DeviceClass, such as `gpu.intel.com`, of which a ResourceClaimTemplate is made."""

    claim_template: DnsName | None = None
    """A ResourceClaimTemplate that is there already."""

    groups: Groups = Field(default_factory=list)
    """Ids of the groups that own the nodes' device files."""

    render_device: RenderDevice = "/dev/dri/renderD128"
    """The device file that Jellyfin opens."""

    @model_validator(mode="after")
    def _one_claim(self) -> DraGpu:
        if len(given(self, DRA_SOURCES)) != 1:
            raise ONE_CLAIM.broken()
        return self


class HostPathGpu(Model):
    """The node's /dev/dri, mounted as it is."""

    acceleration: Literal["qsv", "vaapi"]
    """What Jellyfin uses."""

    groups: Annotated[Groups, Field(min_length=1)]
    """Ids of the groups that own the nodes' device files."""

    privileged: bool = False
    """Run the servers' containers privileged: every device of the node, no confinement; see [gpu.md](gpu.md) first."""

    render_device: RenderDevice = "/dev/dri/renderD128"
    """The device file that Jellyfin opens."""


GPU_KINDS = ("intel", "nvidia", "dra", "hostPath")
ONE_KIND = one_or_alone(*GPU_KINDS, alone="nodeSelector")


class Gpu(Model):
    """A GPU for each server."""

    model_config = ONE_KIND.config

    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels of the nodes that have one, beside `server.nodeSelector`; alone when the nodes see to the rest."""

    intel: IntelGpu | None = None
    """By Intel's device plugin."""

    nvidia: NvidiaGpu | None = None
    """By NVIDIA's device plugin or runtime; `{}` takes the defaults."""

    dra: DraGpu | None = None
    """By dynamic resource allocation."""

    host_path: HostPathGpu | None = None
    """By mounting the node's device files; the namespace then admits privileged pods."""

    @model_validator(mode="after")
    def _one_kind(self) -> Gpu:
        kinds = len(given(self, GPU_KINDS))
        if kinds > 1 or not (kinds or self.node_selector):
            raise ONE_KIND.broken()
        return self
