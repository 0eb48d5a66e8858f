"""A GPU for a pod that transcodes: how the pod gets one, and what Jellyfin must be told about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.apiextensions import CustomResource

from .common import child, metadata, mount

KINDS = ("intel", "nvidia", "dra", "host_path")
INTEL_DRIVERS = ("i915", "xe")

DEVICES = "/dev/dri"
# The first GPU of a node, and Jellyfin's own default for VA-API.
RENDER_DEVICE = f"{DEVICES}/renderD128"

# Without "video" NVIDIA's runtime mounts neither NVENC nor NVDEC; "compute" is CUDA, "utility" is nvidia-smi.
NVIDIA_CAPABILITIES = "compute,video,utility"

# Dynamic resource allocation is on by default since Kubernetes 1.34, in this version of its API.
RESOURCE_API = "resource.k8s.io/v1"

# EncodingOptions of Jellyfin 10.11: tone mapping by OpenCL (qsv, vaapi) or CUDA (nvenc), and by Intel's own filter,
# which needs no OpenCL and is preferred for HDR10 where both are on. Only Intel has it.
ENCODING = {
    "qsv": {"EnableTonemapping": "true", "EnableVppTonemapping": "true"},
    "vaapi": {"EnableTonemapping": "true", "EnableVppTonemapping": "false"},
    "nvenc": {"EnableTonemapping": "true", "EnableVppTonemapping": "false"},
}
DEVICE_ELEMENTS = {"qsv": ("QsvDevice", "VaapiDevice"), "vaapi": ("VaapiDevice",), "nvenc": ()}


class IntelGpu(TypedDict):
    """A GPU that Intel's device plugin hands out, as `gpu.intel.com/<driver>`."""

    driver: str
    """The kernel's driver of the GPU: i915 or xe."""

    groups: list[int]
    """Groups that own the device files on the nodes; empty where the nodes hand them to the pod's own user."""

    count: NotRequired[int]
    """How many each pod gets; 1 when absent."""

    acceleration: NotRequired[str]
    """qsv or vaapi; "qsv" when absent."""

    render_device: NotRequired[str]
    """The device file that Jellyfin opens; /dev/dri/renderD128 when absent."""


class NvidiaGpu(TypedDict):
    """An NVIDIA GPU: counted by NVIDIA's device plugin, or shown by its runtime alone, which counts nothing."""

    count: NotRequired[int]
    """How many `nvidia.com/gpu` each pod gets; 1 when absent. Not with visible_devices."""

    visible_devices: NotRequired[pulumi.Input[str]]
    """NVIDIA_VISIBLE_DEVICES, such as "all". It would override what the plugin has chosen, so nothing is counted."""

    runtime_class: NotRequired[pulumi.Input[str]]
    """The RuntimeClass of NVIDIA's container runtime; the node's default runtime when absent."""


class DraGpu(TypedDict):
    """A GPU by dynamic resource allocation: exactly one of device_class and claim_template."""

    acceleration: str
    """qsv, vaapi or nvenc."""

    device_class: NotRequired[str]
    """A DeviceClass such as gpu.intel.com, of which a ResourceClaimTemplate for one device is made."""

    claim_template: NotRequired[pulumi.Input[str]]
    """A ResourceClaimTemplate in the pod's namespace that exists already."""

    groups: NotRequired[list[int]]
    """Groups that own the device files on the nodes; none when absent."""

    render_device: NotRequired[str]
    """The device file that Jellyfin opens; /dev/dri/renderD128 when absent."""


class HostPathGpu(TypedDict):
    """The node's /dev/dri, mounted as it is."""

    acceleration: str
    """qsv or vaapi."""

    groups: list[int]
    """Groups that own the device files on the nodes."""

    privileged: NotRequired[bool]
    """Run the server's container privileged, with every device of its node and no confinement; False when absent.
    Without it container runtimes let no process open a device that is only mounted."""

    render_device: NotRequired[str]
    """The device file that Jellyfin opens; /dev/dri/renderD128 when absent."""


class GpuArgs(TypedDict):
    """A GPU: one of intel, nvidia, dra and host_path; or node_selector alone, when the nodes see to the rest."""

    node_selector: NotRequired[dict[str, pulumi.Input[str]]]
    """Labels of the nodes that have one, beside the pod's other node selector."""

    intel: NotRequired[IntelGpu]
    """By Intel's device plugin."""

    nvidia: NotRequired[NvidiaGpu]
    """By NVIDIA's device plugin or runtime."""

    dra: NotRequired[DraGpu]
    """By dynamic resource allocation."""

    host_path: NotRequired[HostPathGpu]
    """By mounting the node's device files; the namespace must admit privileged pods."""


@dataclass(frozen=True)
class PodGpu:
    """What the specification of a pod needs for its GPU; everything is empty without one."""

    node_selector: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    claims: Sequence[k8s.core.v1.PodResourceClaimArgs] = ()
    runtime_class: pulumi.Input[str] | None = None
    groups: Sequence[int] = ()
    environment: Sequence[k8s.core.v1.EnvVarArgs] = ()
    volumes: Sequence[k8s.core.v1.VolumeArgs] = ()
    mounts: Sequence[k8s.core.v1.VolumeMountArgs] = ()
    privileged: bool = False


def pod_gpu(
    args: GpuArgs | None,
    *,
    parent: pulumi.ComponentResource,
    name: str,
    namespace: pulumi.Input[str],
    component: str,
    instance: str,
) -> PodGpu:
    """What a pod specification needs for a GPU.

    With dra.device_class it makes the ResourceClaimTemplate `<name>-<device class>`, a child of `parent`. Its name
    holds the class because its content cannot be changed.

    Args:
        args: the GPU; None for none.
        parent: the component whose pods get it.
        name: of the component.
        namespace: of the pods.
        component: of the pods, for their label.
        instance: the stack, for a label.

    Raises:
        ValueError: `args` is no possible choice; all that is wrong with it.
    """
    if args is None:
        return PodGpu()
    if wrong := _wrong(args):
        raise ValueError(f"GPU of {name!r}: {'; '.join(wrong)}")
    selector = args.get("node_selector", {})
    if "intel" in args:
        intel = args["intel"]
        limits = {f"gpu.intel.com/{intel['driver']}": str(intel.get("count", 1))}
        return PodGpu(node_selector=selector, limits=limits, groups=intel["groups"])
    if "nvidia" in args:
        return _nvidia(args["nvidia"], selector)
    if "dra" in args:
        dra = args["dra"]
        if "device_class" in dra:
            template_name = f"{name}-{dra['device_class'].replace('.', '-')}"
            meta = metadata(template_name, namespace, component, instance)
            template = _claim_template(template_name, meta, dra["device_class"], parent)
        else:
            template = dra.get("claim_template")
        claim = k8s.core.v1.PodResourceClaimArgs(name="gpu", resource_claim_template_name=template)
        return PodGpu(node_selector=selector, claims=[claim], groups=dra.get("groups", []))
    if "host_path" in args:
        host = args["host_path"]
        source = k8s.core.v1.HostPathVolumeSourceArgs(path=DEVICES, type="Directory")
        return PodGpu(
            node_selector=selector,
            groups=host["groups"],
            volumes=[k8s.core.v1.VolumeArgs(name="dri", host_path=source)],
            mounts=[mount("dri", DEVICES)],
            privileged=host.get("privileged", False),
        )
    return PodGpu(node_selector=selector)


def encoding_options(args: GpuArgs | None) -> dict[str, str]:
    """The elements of Jellyfin's encoding.xml that must agree with the GPU, and their text.

    Without a GPU acceleration is switched off: a server that moved here from a machine with one would fail at every
    transcode. With a node selector alone nothing is known of the GPU, and nothing is said.
    Which codecs the GPU can decode (HardwareDecodingCodecs) depends on its generation and is left as it is.
    """
    if args is None:
        return {"HardwareAccelerationType": "none"}
    if "nvidia" in args:
        acceleration, device = "nvenc", RENDER_DEVICE
    elif chosen := args.get("intel") or args.get("dra") or args.get("host_path"):
        acceleration = chosen.get("acceleration", "qsv")
        device = chosen.get("render_device", RENDER_DEVICE)
    else:
        return {}
    return {
        "HardwareAccelerationType": acceleration,
        "EnableHardwareEncoding": "true",
        **dict.fromkeys(DEVICE_ELEMENTS[acceleration], device),
        **ENCODING[acceleration],
    }


def _nvidia(gpu: NvidiaGpu, selector: Mapping[str, pulumi.Input[str]]) -> PodGpu:
    variable = k8s.core.v1.EnvVarArgs
    visible = gpu.get("visible_devices")
    return PodGpu(
        node_selector=selector,
        limits={} if visible else {"nvidia.com/gpu": str(gpu.get("count", 1))},
        runtime_class=gpu.get("runtime_class"),
        environment=[
            variable(name="NVIDIA_DRIVER_CAPABILITIES", value=NVIDIA_CAPABILITIES),
            *([variable(name="NVIDIA_VISIBLE_DEVICES", value=visible)] if visible else []),
        ],
    )


def _claim_template(
    name: str, meta: k8s.meta.v1.ObjectMetaArgs, device_class: str, parent: pulumi.ComponentResource
) -> pulumi.Output[str]:
    # The SDK has no class of its own for this version of the API.
    template = CustomResource(
        name,
        api_version=RESOURCE_API,
        kind="ResourceClaimTemplate",
        metadata=meta,
        spec={"spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": device_class}}]}}},
        opts=child(parent),
    )
    # So that what uses the name waits for the template.
    return template.urn.apply(lambda _: name)


def _wrong(args: GpuArgs) -> list[str]:
    given = [kind for kind in KINDS if kind in args]
    wrong: list[str] = []
    if len(given) > 1 or not (given or args.get("node_selector")):
        found = ", ".join(given) or "none"
        wrong.append(f"expected one of {', '.join(KINDS)}, or node_selector alone, found {found}")
    if "intel" in args:
        intel = args["intel"]
        wrong += _not_among("intel.driver", intel["driver"], INTEL_DRIVERS)
        wrong += _not_among("intel.acceleration", intel.get("acceleration", "qsv"), ("qsv", "vaapi"))
    if "nvidia" in args and {"count", "visible_devices"} <= args["nvidia"].keys():
        wrong.append("expected nvidia.count or nvidia.visible_devices, found both")
    if "dra" in args:
        if len({"device_class", "claim_template"} & args["dra"].keys()) != 1:
            wrong.append("expected exactly one of dra.device_class and dra.claim_template")
        wrong += _not_among("dra.acceleration", args["dra"]["acceleration"], tuple(ENCODING))
    if "host_path" in args:
        wrong += _not_among("host_path.acceleration", args["host_path"]["acceleration"], ("qsv", "vaapi"))
        if not args["host_path"]["groups"]:
            wrong.append("expected the groups that own the nodes' device files in host_path.groups, found none")
    return wrong


def _not_among(key: str, value: str, legal: Sequence[str]) -> list[str]:
    return [] if value in legal else [f"expected {' or '.join(legal)} in {key}, found {value!r}"]
