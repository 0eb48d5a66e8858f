"""What a server's pod gets for each kind of GPU, and what Jellyfin must be told about it."""

from __future__ import annotations

from typing import Any

import pytest

from jellyfin_ha.components.gpu import encoding_options
from tests.unit.engine import Engine
from tests.unit.test_components import STATEFUL_SET, environment, pod, server

TEMPLATE = "kubernetes:resource.k8s.io/v1:ResourceClaimTemplate"

GPUS: dict[str, Any] = {
    "node selector": {"node_selector": {"gpu": "uhd-630"}},
    "intel": {"intel": {"driver": "i915", "groups": [44, 993]}},
    "nvidia": {"nvidia": {"runtime_class": "nvidia"}},
    "nvidia without plugin": {"nvidia": {"visible_devices": "all", "runtime_class": "nvidia"}},
    "dra": {"dra": {"device_class": "gpu.intel.com", "acceleration": "qsv"}},
    "dra by template": {"dra": {"claim_template": "one-gpu", "acceleration": "nvenc"}},
    "host path": {"host_path": {"groups": [109], "acceleration": "vaapi"}},
}


def with_gpu(gpu: Any, **more: Any) -> Engine:
    return server(gpu=gpu, **more)


def spec_with(gpu: Any, **more: Any) -> Any:
    return pod(with_gpu(gpu, **more), STATEFUL_SET, "jellyfin")


def container_with(gpu: Any, **more: Any) -> Any:
    (container,) = spec_with(gpu, **more)["containers"]
    return container


@pytest.mark.parametrize("driver", ["i915", "xe"])
def test_intels_plugin_is_asked_for_the_device_of_the_kernels_driver(driver: str) -> None:
    gpu = {"intel": {"driver": driver, "groups": [], "count": 2}}
    limits = container_with(gpu, resources={"limits": {"memory": "4Gi"}})["resources"]["limits"]
    assert limits == {"memory": "4Gi", f"gpu.intel.com/{driver}": "2"}


def test_the_pod_is_in_the_groups_that_own_the_device_files() -> None:
    security = spec_with(GPUS["intel"])["securityContext"]
    assert security["supplementalGroups"] == [44, 993]
    assert security["runAsUser"] == 1000, "it stays the user that owns the configuration"


def test_nvidias_plugin_chooses_the_device_and_the_runtime_mounts_the_encoder() -> None:
    spec = spec_with(GPUS["nvidia"])
    (container,) = spec["containers"]
    assert spec["runtimeClassName"] == "nvidia"
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    variables = environment(container)
    assert variables["NVIDIA_DRIVER_CAPABILITIES"] == "compute,video,utility"
    assert "NVIDIA_VISIBLE_DEVICES" not in variables, "it would override the plugin's choice"


def test_a_node_with_nvidias_runtime_alone_shows_its_gpus_uncounted() -> None:
    container = container_with(GPUS["nvidia without plugin"])
    assert environment(container)["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert container["resources"]["limits"] == {}


def test_a_device_class_becomes_a_template_of_which_each_pod_gets_a_claim() -> None:
    engine = with_gpu(GPUS["dra"])
    template = engine.of(TEMPLATE, "jellyfin-gpu-intel-com")
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"] == {"deviceClassName": "gpu.intel.com"}
    spec = pod(engine, STATEFUL_SET, "jellyfin")
    (claim,) = spec["resourceClaims"]
    assert claim["resourceClaimTemplateName"] == template["metadata"]["name"]
    assert spec["containers"][0]["resources"]["claims"] == [{"name": claim["name"]}]


def test_another_device_class_means_another_template_as_none_can_be_changed() -> None:
    engine = with_gpu({"dra": {"device_class": "gpu.nvidia.com", "acceleration": "nvenc"}})
    assert engine.of(TEMPLATE, "jellyfin-gpu-nvidia-com")["metadata"]["name"] == "jellyfin-gpu-nvidia-com"


def test_an_existing_claim_template_is_used_as_it_is() -> None:
    engine = with_gpu(GPUS["dra by template"])
    assert TEMPLATE not in engine.tokens()
    (claim,) = pod(engine, STATEFUL_SET, "jellyfin")["resourceClaims"]
    assert claim["resourceClaimTemplateName"] == "one-gpu"


def test_the_nodes_device_files_are_mounted_where_they_are() -> None:
    spec = spec_with(GPUS["host path"])
    (volume,) = [volume for volume in spec["volumes"] if "hostPath" in volume]
    assert volume["hostPath"] == {"path": "/dev/dri", "type": "Directory"}
    paths = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert paths[volume["name"]] == "/dev/dri"
    assert spec["securityContext"]["supplementalGroups"] == [109]


@pytest.mark.parametrize("kind", GPUS)
def test_nodes_with_a_gpu_are_chosen_beside_those_that_may_run_a_server(kind: str) -> None:
    labels = {"gpu": "yes"}
    assert spec_with({**GPUS[kind], "node_selector": labels}, node_selector={"disk": "ssd"})["nodeSelector"] == {
        "disk": "ssd",
        "gpu": "yes",
    }


@pytest.mark.parametrize("kind", GPUS)
def test_no_kind_makes_a_container_privileged_by_itself(kind: str) -> None:
    for close_wizard in (False, True):
        spec = spec_with(GPUS[kind], close_wizard=close_wizard)
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert "privileged" not in container["securityContext"]
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]


def test_privileged_is_the_server_alone_and_only_when_asked_for() -> None:
    spec = spec_with({"host_path": {**GPUS["host path"]["host_path"], "privileged": True}}, close_wizard=True)
    assert spec["containers"][0]["securityContext"]["privileged"] is True
    assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is True, "Kubernetes refuses False"
    assert "privileged" not in spec["initContainers"][0]["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True


def test_without_a_gpu_a_pod_has_nothing_of_one() -> None:
    spec = spec_with(None)
    assert not {"runtimeClassName", "resourceClaims"} & spec.keys()
    assert "supplementalGroups" not in spec["securityContext"]
    assert spec["containers"][0]["resources"] == {"limits": {}}


def test_all_that_is_wrong_with_a_gpu_is_said_at_once() -> None:
    gpu = {
        "intel": {"driver": "i965", "groups": []},
        "nvidia": {"count": 1, "visible_devices": "all"},
        "dra": {"acceleration": "amf"},
        "host_path": {"groups": [], "acceleration": "nvenc"},
    }
    with pytest.raises(ValueError, match="GPU of 'jellyfin'") as refusal:
        with_gpu(gpu)
    for part in (
        "expected one of intel, nvidia, dra, host_path, or node_selector alone, found intel, nvidia, dra, host_path",
        "expected i915 or xe in intel.driver, found 'i965'",
        "expected nvidia.count or nvidia.visible_devices, found both",
        "expected exactly one of dra.device_class and dra.claim_template",
        "expected qsv or vaapi or nvenc in dra.acceleration, found 'amf'",
        "expected qsv or vaapi in host_path.acceleration, found 'nvenc'",
        "expected the groups that own the nodes' device files in host_path.groups, found none",
    ):
        assert part in str(refusal.value)


@pytest.mark.parametrize("gpu", [{}, {"node_selector": {}}])
def test_a_gpu_of_no_kind_is_refused(gpu: Any) -> None:
    with pytest.raises(ValueError, match="found none"):
        with_gpu(gpu)


ACCELERATIONS: list[tuple[Any, dict[str, str]]] = [
    (
        GPUS["intel"],
        {
            "HardwareAccelerationType": "qsv",
            "EnableHardwareEncoding": "true",
            "QsvDevice": "/dev/dri/renderD128",
            "VaapiDevice": "/dev/dri/renderD128",
            "EnableTonemapping": "true",
            "EnableVppTonemapping": "true",
        },
    ),
    (
        {"intel": {"driver": "xe", "groups": [], "acceleration": "vaapi", "render_device": "/dev/dri/renderD129"}},
        {
            "HardwareAccelerationType": "vaapi",
            "EnableHardwareEncoding": "true",
            "VaapiDevice": "/dev/dri/renderD129",
            "EnableTonemapping": "true",
            "EnableVppTonemapping": "false",
        },
    ),
    (
        GPUS["nvidia"],
        {
            "HardwareAccelerationType": "nvenc",
            "EnableHardwareEncoding": "true",
            "EnableTonemapping": "true",
            "EnableVppTonemapping": "false",
        },
    ),
]


@pytest.mark.parametrize(("gpu", "elements"), ACCELERATIONS, ids=["qsv", "vaapi", "nvenc"])
def test_jellyfin_is_told_the_acceleration_and_the_device_of_the_gpu(gpu: Any, elements: dict[str, str]) -> None:
    assert encoding_options(gpu) == elements


@pytest.mark.parametrize(
    ("kind", "acceleration"), [("dra", "qsv"), ("dra by template", "nvenc"), ("host path", "vaapi")]
)
def test_where_the_kind_does_not_tell_the_acceleration_its_setting_does(kind: str, acceleration: str) -> None:
    assert encoding_options(GPUS[kind])["HardwareAccelerationType"] == acceleration


def test_without_a_gpu_jellyfin_does_not_try_to_use_one() -> None:
    assert encoding_options(None) == {"HardwareAccelerationType": "none"}


def test_nothing_is_said_of_a_gpu_of_which_only_the_node_is_known() -> None:
    assert encoding_options(GPUS["node selector"]) == {}
