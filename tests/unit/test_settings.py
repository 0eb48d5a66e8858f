"""What a stack file may say, and what its author is told when it says something else."""

from __future__ import annotations

import copy
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from jellyfin_ha.components import gpu as component
from jellyfin_ha.infra import settings as written
from jellyfin_ha.infra.configuration import read_settings, read_stack_file, settings_of
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


NAME = "a name of small letters, digits and inner hyphens, 63 characters at most"
IMAGE = "an image such as postgres:17, without spaces"
URL = "a URL such as https://jellyfin.example.org, without a slash at its end and without a password"
AMOUNT = "an amount such as 500m, 2, 512Mi or 10Gi"
SERVER_KEYS = "image, flavor, configuration, url, replicas, service, resources, nodeSelector, gpu"
SHARED = "exactly one of nfs, storageClass, existingClaim, hostPath"
NO_TEXT = "which is no text without quotes; expected"
SECRET = (
    "found a secret; expected none: no setting takes one, and this one would be shown in clear. "
    "The stack makes its passwords itself"
)

WRONG: list[tuple[str, object, str]] = [
    ("namespace", "My Home", f"namespace: found 'My Home'; expected {NAME}"),
    ("namespace", 5, f"namespace: found 5, {NO_TEXT} {NAME}, in quotes"),
    ("mode", "active-standby", "mode: found 'active-standby'; expected active-active"),
    ("server", None, f"server: found nothing; expected a mapping with the keys {SERVER_KEYS}"),
    ("server.image", None, f"server.image: found nothing; expected {IMAGE}"),
    ("server.image", ["a", "b"], f"server.image: found [a, b]; expected {IMAGE}"),
    ("server.image", datetime.date(2026, 1, 2), f"server.image: found 2026-01-02, {NO_TEXT} {IMAGE}, in quotes"),
    ("server.url", "jellyfin.home", f"server.url: found 'jellyfin.home'; expected {URL}"),
    ("server.url", "https://jellyfin.home/", f"server.url: found 'https://jellyfin.home/'; expected {URL}"),
    ("server.url", "https://eve:secret@home", f"server.url: found 'https://…@home'; expected {URL}"),
    ("server.replicas", "two", "server.replicas: found 'two'; expected a whole number from 0 to 9"),
    ("server.replicas", 12, "server.replicas: found 12; expected a whole number from 0 to 9"),
    ("server.replicas", 1.5, "server.replicas: found 1.5; expected a whole number from 0 to 9"),
    ("server.replicas", True, "server.replicas: found true; expected a whole number from 0 to 9"),
    (
        "server.service.type",
        "nodeport",
        "server.service.type: found 'nodeport'; expected ClusterIP, NodePort or LoadBalancer",
    ),
    ("server.service.nodePort", 80, "server.service.nodePort: found 80; expected a whole number from 30000 to 32767"),
    (
        "server.service",
        {"nodePort": 30096},
        "server.service: found {nodePort: 30096}; expected nodePort with type NodePort or LoadBalancer only",
    ),
    ("server.nodeSelector.gpu", True, f"server.nodeSelector.gpu: found true, {NO_TEXT} text, in quotes"),
    (
        "server.nodeSelector",
        {1: "a"},
        "server.nodeSelector.1: this key is no text without quotes; expected it in quotes",
    ),
    ("server.nodeSelector", ["a"], "server.nodeSelector: found [a]; expected a mapping, one `name: value` a line"),
    ("server.node_selector", {}, "server.node_selector: unknown key; did you mean nodeSelector?"),
    ("server.resources.limits.gpu", 1, "server.resources.limits.gpu: unknown key; expected one of cpu, memory"),
    ("server.resources.limits.cpu", True, f"server.resources.limits.cpu: found true; expected {AMOUNT}"),
    ("server.resources.limits.memory", "2 GB", f"server.resources.limits.memory: found '2 GB'; expected {AMOUNT}"),
    (
        "server.resources.limits",
        "2",
        "server.resources.limits: found '2'; expected a mapping with the keys cpu, memory",
    ),
    ("serverr", {}, "serverr: unknown key; did you mean server?"),
    ("storage.config", {"size": "1Gi"}, f"storage.config: found {{size: 1Gi}}; expected {SHARED}"),
    (
        "storage.config",
        {"storageClass": "a", "hostPath": "/b"},
        f"storage.config: found {{storageClass: a, hostPath: /b}}; expected {SHARED}",
    ),
    (
        "storage.media.nfs",
        "nas:/media",
        "storage.media.nfs: found 'nas:/media'; expected a mapping with the keys server, path, mountOptions",
    ),
    (
        "storage.media.nfs.server",
        "nas:/media",
        "storage.media.nfs.server: found 'nas:/media'; expected a host's name or address, such as nas.home.arpa",
    ),
    (
        "storage.media.nfs.path",
        "media",
        "storage.media.nfs.path: found 'media'; expected a full path such as /pool/media",
    ),
    (
        "storage.media.nfs.mountOptions",
        "hard",
        "storage.media.nfs.mountOptions: found 'hard'; expected a list, one `- item` a line, each text",
    ),
    (
        "storage.media.nfs.mountOptions",
        ["hard", 4.1],
        f"storage.media.nfs.mountOptions.1: found 4.1, {NO_TEXT} text, in quotes",
    ),
    (
        "storage.perPod",
        {"storageClass": "a", "longhorn": {}},
        "storage.perPod: found {storageClass: a, longhorn: {}}; expected storageClass or longhorn, not both",
    ),
    ("database.storage.size", "ten", f"database.storage.size: found 'ten'; expected {AMOUNT}"),
    ("database.image", {"secure": "v1:x"}, f"database.image: {SECRET}"),
    ("database.password", {"secure": "v1:x"}, f"database.password: {SECRET}"),
    ("server.nodeSelector", {"secure": "v1:x"}, f"server.nodeSelector: {SECRET}"),
    ("storage.media.nfs.mountOptions", ["hard", {"secure": "v1:x"}], f"storage.media.nfs.mountOptions.1: {SECRET}"),
    ("migration.source", 3, f"migration.source: found 3, {NO_TEXT} the path of a file, in quotes"),
    ("migration.done", "maybe", "migration.done: found 'maybe'; expected true or false"),
    (
        "migration",
        "/old.db",
        "migration: found '/old.db'; expected a mapping with the keys source, repair, done; "
        "either source or done: true, or {} for none",
    ),
]


@pytest.mark.parametrize(("path", "value", "line"), WRONG, ids=[f"{path}={value}" for path, value, _ in WRONG])
def test_a_wrong_value_is_told_with_what_would_be_right(path: str, value: object, line: str) -> None:
    values = copy.deepcopy(MINIMAL)
    *parents, last = path.split(".")
    mapping = values
    for parent in parents:
        mapping = mapping.setdefault(parent, {})
    mapping[last] = value
    assert str(refusal(values)) == f"Pulumi.test.yaml: 1 setting cannot be used:\n  jellyfin-ha:{line}"


def test_a_long_value_is_not_repeated_whole() -> None:
    (line,) = str(refusal({**MINIMAL, "namespace": "x" * 1000})).splitlines()[1:]
    assert len(line) < 250


def as_the_engine_hands_it(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], *, secret: list[str]) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secret))


def test_a_running_program_reads_what_the_engine_hands_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {f"jellyfin-ha:{key}": json.dumps(value) for key, value in MINIMAL.items()}
    as_the_engine_hands_it(
        monkeypatch,
        {**own, "jellyfin-ha:namespace": "123", "jellyfin-ha:migration": "", "other:token": "{hush"},
        secret=["other:token"],
    )
    settings = read_settings()
    assert settings == parse_settings({**MINIMAL, "namespace": "123"}, origin="test")


def test_a_text_that_only_looks_like_a_mapping_is_told_as_any_wrong_text(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {f"jellyfin-ha:{key}": json.dumps(value) for key, value in MINIMAL.items()}
    as_the_engine_hands_it(monkeypatch, {**own, "jellyfin-ha:namespace": "{home"}, secret=[])
    with pytest.raises(UserError, match=r"namespace: found '\{home'; expected a name of small letters"):
        read_settings()


def test_a_secret_that_the_engine_has_decrypted_is_refused_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    as_the_engine_hands_it(
        monkeypatch,
        {
            **{f"jellyfin-ha:{key}": json.dumps(value) for key, value in MINIMAL.items()},
            "jellyfin-ha:namespace": "hush",
            "jellyfin-ha:database": '{"password": "hush", "maxConnections": "hush"}',
        },
        secret=["jellyfin-ha:database", "jellyfin-ha:namespace"],
    )
    with pytest.raises(UserError) as caught:
        read_settings()
    text = str(caught.value)
    assert caught.value.exit_code == 2
    assert "hush" not in text
    assert text.splitlines()[1:] == [f"  jellyfin-ha:namespace: {SECRET}", f"  jellyfin-ha:database: {SECRET}"]


def test_an_encrypted_value_in_a_stack_file_is_told_beside_other_mistakes() -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"] = {"secure": "v1:x"}
    values["database"] = {"image": {"secure": "v1:x"}, "maxConnections": 1}
    assert str(refusal(values)).splitlines() == [
        "Pulumi.test.yaml: 3 settings cannot be used:",
        f"  jellyfin-ha:server: {SECRET}",
        f"  jellyfin-ha:database.image: {SECRET}",
        "  jellyfin-ha:database.maxConnections: found 1; expected a whole number from 20 to 10000",
    ]


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


def test_what_one_sqlite_server_cannot_have_is_refused_all_at_once() -> None:
    values = {**copy.deepcopy(MINIMAL), "migration": {"done": True}, "leaseStore": {"memoryMib": 64}}
    values["server"] |= {"flavor": "sqlite", "replicas": 2}
    text = str(refusal(values))
    assert "3 settings" in text
    for part in ("server.replicas: found 2; expected 1 or 0", "migration: found a value", "leaseStore: found a value"):
        assert f"jellyfin-ha:{part}" in text
    values = {**copy.deepcopy(MINIMAL), "migration": {}}
    values["server"] |= {"flavor": "sqlite", "replicas": 1}
    assert parse_settings(values, origin="test").server.flavor == "sqlite"


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
