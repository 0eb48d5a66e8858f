"""What a stack file may say, and what its author is told when it says something else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from jellyfin_ha.components import gpu as component
from jellyfin_ha.infra import settings as written
from jellyfin_ha.infra.configuration import read_stack_file, settings_of
from jellyfin_ha.infra.settings import parse_settings
from jellyfin_ha.operations.errors import UserError

ROOT = Path(__file__).parents[2]

MINIMAL: dict[str, Any] = {
    "server": {"image": "jellyfin:1", "url": "http://jellyfin.home"},
    "storage": {"config": {"storageClass": "nfs"}, "media": {"nfs": {"server": "nas", "path": "/media"}}},
}


def refusal(values: dict[str, Any]) -> UserError:
    with pytest.raises(UserError) as caught:
        parse_settings(values, origin="Pulumi.test.yaml")
    return caught.value


def test_the_committed_dev_stack_can_be_used() -> None:
    path = ROOT / "Pulumi.dev.yaml"
    assert settings_of(read_stack_file(path), origin=str(path)).server.replicas == 2


def test_a_small_stack_file_gets_two_replicas_of_everything_that_matters() -> None:
    settings = parse_settings(MINIMAL, origin="test")
    assert settings.server.replicas == 2
    assert settings.database.image == "postgres:17"
    assert settings.lease_store.image == "redis:8"
    assert settings.mode == "active-active"
    assert settings.migration is None


def test_all_mistakes_are_named_at_once_with_key_and_value() -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"]["replicas"] = "two"
    values["serverr"] = {}
    values["database"] = {"storage": {"size": "ten"}}
    del values["storage"]["media"]
    error = refusal(values)
    assert error.exit_code == 2
    text = str(error)
    assert "4 settings" in text
    for part in (
        "jellyfin-ha:server.replicas: found 'two'",
        "jellyfin-ha:serverr: unknown key",
        "jellyfin-ha:database.storage.size: found 'ten'",
        "jellyfin-ha:storage.media: missing",
    ):
        assert part in text


def test_numbers_may_come_as_text_as_pulumi_config_set_writes_them() -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"]["replicas"] = "3"
    assert parse_settings(values, origin="test").server.replicas == 3


@pytest.mark.parametrize("nothing", [{}, None, ""], ids=["{}", "null", "null as Pulumi hands it on"])
def test_no_migration_may_be_said_as_well_as_left_out(nothing: object) -> None:
    assert parse_settings({**MINIMAL, "migration": nothing}, origin="test").migration is None


def test_a_stack_may_have_no_server_yet() -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"]["replicas"] = 0
    assert parse_settings(values, origin="test").server.replicas == 0
    values["server"]["replicas"] = -1
    assert "jellyfin-ha:server.replicas: found -1" in str(refusal(values))


@pytest.mark.parametrize("source", [{}, {"storageClass": "a", "hostPath": "/b"}])
def test_a_shared_volume_has_exactly_one_source(source: dict[str, str]) -> None:
    values = copy.deepcopy(MINIMAL)
    values["storage"]["config"] = source
    assert "exactly one of nfs, storageClass, existingClaim, hostPath" in str(refusal(values))


def of_server(**more: Any) -> dict[str, Any]:
    return {**MINIMAL, "server": {**MINIMAL["server"], **more}}


@pytest.mark.parametrize(
    ("model", "args"),
    [
        (written.Gpu, component.GpuArgs),
        (written.IntelGpu, component.IntelGpu),
        (written.NvidiaGpu, component.NvidiaGpu),
        (written.DraGpu, component.DraGpu),
        (written.HostPathGpu, component.HostPathGpu),
    ],
)
def test_a_gpu_reaches_the_component_with_every_key(model: type[BaseModel], args: Any) -> None:
    assert set(model.model_fields) == args.__required_keys__ | args.__optional_keys__
    assert {name for name, field in model.model_fields.items() if field.is_required()} == args.__required_keys__


@pytest.mark.parametrize(
    "form",
    [
        {"nodeSelector": {"gpu": "uhd-630"}},
        {"intel": {"driver": "xe", "groups": []}},
        {"nvidia": {}},
        {"nvidia": {"visibleDevices": "all", "runtimeClass": "nvidia"}, "nodeSelector": {"gpu": "yes"}},
        {"dra": {"deviceClass": "gpu.intel.com", "acceleration": "qsv"}},
        {"dra": {"claimTemplate": "one-gpu", "acceleration": "nvenc", "groups": [44]}},
        {"hostPath": {"groups": [44, 109], "acceleration": "qsv", "privileged": True}},
    ],
)
def test_every_kind_of_gpu_can_be_written_in_a_few_words(form: dict[str, Any]) -> None:
    read = parse_settings(of_server(gpu=form), origin="test").server.gpu
    assert read is not None
    assert read.model_dump(by_alias=True, exclude_unset=True) == form


@pytest.mark.parametrize("nothing", [{}, None])
def test_no_gpu_may_be_said_as_well_as_left_out(nothing: object) -> None:
    assert parse_settings(of_server(gpu=nothing), origin="test").server.gpu is None


def test_all_mistakes_of_a_gpu_are_named_at_once() -> None:
    wrong = {
        "intel": {"driver": "i965", "acceleration": "nvenc"},
        "nvidia": {"count": 1, "visibleDevices": "all", "groups": [44]},
        "hostPath": {"groups": [], "privileged": "perhaps"},
        "dra": {"acceleration": "qsv", "deviceClass": "gpu.intel.com", "claimTemplate": "mine"},
    }
    text = str(refusal(of_server(gpu=wrong)))
    for part in (
        "jellyfin-ha:server.gpu.intel.driver: found 'i965'",
        "jellyfin-ha:server.gpu.intel.groups: missing",
        "jellyfin-ha:server.gpu.intel.acceleration: found 'nvenc'",
        "jellyfin-ha:server.gpu.nvidia.groups: unknown key",
        "jellyfin-ha:server.gpu.hostPath.acceleration: missing",
        "jellyfin-ha:server.gpu.hostPath.groups: found []",
        "jellyfin-ha:server.gpu.hostPath.privileged: found 'perhaps'",
        "expected exactly one of deviceClass, claimTemplate",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"nvidia": {}, "intel": {"driver": "xe", "groups": []}}, "expected one of intel, nvidia, dra, hostPath"),
        ({"nodeSelector": {}}, "expected one of intel, nvidia, dra, hostPath"),
        ({"nvidia": {"count": 1, "visibleDevices": "all"}}, "expected count or visibleDevices, not both"),
        ({"dra": {"acceleration": "qsv"}}, "expected exactly one of deviceClass, claimTemplate"),
        ({"intel": {"driver": "xe", "groups": [], "renderDevice": "/dev/dri/card0"}}, "intel.renderDevice: found"),
    ],
)
def test_a_gpu_that_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    assert said in str(refusal(of_server(gpu=wrong)))


def test_a_server_cannot_be_sent_to_two_kinds_of_nodes_at_once() -> None:
    wanted = {"nvidia": {}, "nodeSelector": {"zone": "attic", "disk": "ssd"}}
    text = str(refusal(of_server(gpu=wanted, nodeSelector={"zone": "cellar", "disk": "ssd"})))
    assert "found two of zone in nodeSelector and gpu" in text


def test_a_missing_stack_file_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Pulumi\.none\.yaml, found none") as caught:
        read_stack_file(tmp_path / "Pulumi.none.yaml")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", ["config: [", "[]", "config: 3"])
def test_a_stack_file_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        read_stack_file(path)
    assert caught.value.exit_code == 2


def test_keys_of_other_packages_are_left_alone() -> None:
    content = {"config": {"kubernetes:context": "home", **{f"jellyfin-ha:{k}": v for k, v in MINIMAL.items()}}}
    assert settings_of(yaml.safe_load(yaml.safe_dump(content)), origin="test").namespace == "jellyfin"
