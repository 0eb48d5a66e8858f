"""What the whole program asks for, and what waits for what."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pulumi
import pytest

from jellyfin_ha.infra.configuration import read_stack_file, settings_of
from jellyfin_ha.infra.settings import Settings, parse_settings
from jellyfin_ha.infra.stack import deploy
from jellyfin_ha.operations.errors import UserError
from tests.contract import faults
from tests.unit.engine import Engine, install


@pytest.fixture(autouse=True)
def bound_hooks(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[str]]]:
    """Which hook is bound to which step: Pulumi's mocks have no engine that could run one."""
    bound: list[dict[str, list[str]]] = []

    def bind(**steps: list[str]) -> None:
        bound.append(steps)

    monkeypatch.setattr(pulumi, "ResourceHook", lambda name, _: name)
    monkeypatch.setattr(pulumi, "ErrorHook", lambda name, _: name)
    monkeypatch.setattr(pulumi, "ResourceHookBinding", bind)
    return bound


ROOT = Path(__file__).parents[2]

SERVERS = ("kubernetes:apps/v1:StatefulSet", "jellyfin")
RECORD = "kubernetes:core/v1:ConfigMap"

VALUES: dict[str, Any] = {
    "namespace": "home",
    "server": {"image": "jellyfin:1", "url": "http://jellyfin.home"},
    "storage": {"config": {"storageClass": "nfs"}, "media": {"existingClaim": "films"}},
}


def deployed(**more: Any) -> tuple[Engine, dict[str, Any]]:
    """The resources and the outputs of a program with these settings."""
    return deployed_with(parse_settings({**VALUES, **more}, origin="test"))


def deployed_with(settings: Settings) -> tuple[Engine, dict[str, Any]]:
    engine = install()
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def whole() -> None:
        found = deploy(settings, stack="dev", kubeconfig=None, context=None)
        for key, value in vars(found).items():
            value.apply(lambda resolved, key=key: outputs.update({key: resolved}))

    whole()
    return engine, outputs


def declared_for(engine: Engine, name: str) -> str:
    """What is declared for the servers of this component (JSON)."""
    return engine.of(RECORD, f"{name}-configuration")["data"]["declared.json"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "jellyfin.db"
    with sqlite3.connect(path) as database:
        for table in ("BaseItems", "Users", "__EFMigrationsHistory"):
            database.execute(f'CREATE TABLE "{table}" (Id TEXT)')
    return path


@pytest.fixture
def homelab() -> tuple[Engine, dict[str, Any]]:
    """What the committed example of a home's cluster asks for."""
    path = ROOT / "Pulumi.homelab.yaml"
    return deployed_with(settings_of(read_stack_file(path), origin=path.name))


def test_the_example_of_a_home_keeps_configuration_and_films_on_its_nas(
    homelab: tuple[Engine, dict[str, Any]],
) -> None:
    for name, folder, mode in (
        ("jellyfin-config", "/mnt/pool/jellyfin", "ReadWriteMany"),
        ("jellyfin-media", "/mnt/pool/media", "ReadOnlyMany"),
    ):
        volume = homelab[0].of("kubernetes:core/v1:PersistentVolume", name)["spec"]
        assert volume["nfs"] == {"server": "nas.home.arpa", "path": folder}
        assert volume["mountOptions"] == ["nfsvers=4.1", "hard", "noatime"]
        assert volume["accessModes"] == [mode]
        assert volume["persistentVolumeReclaimPolicy"] == "Retain"


def test_the_example_of_a_home_runs_two_servers_with_longhorn_volumes_of_their_own(
    homelab: tuple[Engine, dict[str, Any]],
) -> None:
    engine, outputs = homelab
    made = engine.of("kubernetes:storage.k8s.io/v1:StorageClass", "jellyfin-pod-storage")
    assert made["provisioner"] == "driver.longhorn.io"
    assert made["parameters"]["numberOfReplicas"] == "1"
    assert made["parameters"]["dataLocality"] == "best-effort"
    servers = engine.of(*SERVERS)["spec"]
    assert servers["replicas"] == 2
    claims = {claim["metadata"]["name"]: claim["spec"] for claim in servers["volumeClaimTemplates"]}
    assert {name: claim["storageClassName"] for name, claim in claims.items()} == {
        "transcode": "jellyfin-pod-storage",
        "cache": "jellyfin-pod-storage",
    }
    assert outputs["url"] == "https://jellyfin.example.org"


def test_the_example_of_a_home_keeps_what_must_outlive_a_node_on_longhorns_own_class(
    homelab: tuple[Engine, dict[str, Any]],
) -> None:
    for name in ("jellyfin-postgres", "jellyfin-redis"):
        (claim,) = homelab[0].of("kubernetes:apps/v1:StatefulSet", name)["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["storageClassName"] == "longhorn"


def test_everything_is_in_one_namespace_that_admits_only_restricted_pods() -> None:
    engine, _ = deployed()
    labels = engine.of("kubernetes:core/v1:Namespace", "home")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    namespaces = {
        inputs["metadata"]["namespace"]
        for (token, _), inputs in engine.resources.items()
        if token.startswith("kubernetes:") and "namespace" in inputs.get("metadata", {})
    }
    assert namespaces == {"home"}


INTEL: dict[str, Any] = {"intel": {"driver": "i915", "groups": [993]}, "nodeSelector": {"gpu": "yes"}}
HOST_PATH: dict[str, Any] = {"hostPath": {"groups": [993], "acceleration": "vaapi"}}


@pytest.mark.parametrize(
    ("gpu", "level"),
    [
        (INTEL, "restricted"),
        ({"nvidia": {}}, "restricted"),
        ({"dra": {"deviceClass": "gpu.intel.com", "acceleration": "qsv"}}, "restricted"),
        ({"nodeSelector": {"gpu": "yes"}}, "restricted"),
        (HOST_PATH, "privileged"),
    ],
)
def test_only_a_mounted_device_folder_lowers_what_the_namespace_enforces(gpu: dict[str, Any], level: str) -> None:
    engine, _ = deployed(server={**VALUES["server"], "gpu": gpu})
    labels = engine.of("kubernetes:core/v1:Namespace", "home")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == level
    assert labels["pod-security.kubernetes.io/warn"] == "restricted"


@pytest.mark.parametrize("gpu", [INTEL, {"nvidia": {"runtimeClass": "nvidia"}}, HOST_PATH])
def test_a_gpu_is_the_servers_alone(gpu: dict[str, Any]) -> None:
    """The schema upgrade transcodes nothing: a GPU for it would leave a server Pending."""
    with_gpu, _ = deployed(server={**VALUES["server"], "gpu": gpu})
    without, _ = deployed()
    changed = {key for key in without.resources if with_gpu.resources[key] != without.resources[key]}
    # The shared encoding.xml is declared alike for all that start a server.
    declared = {(RECORD, f"{name}-configuration") for name in ("jellyfin", "jellyfin-schema-upgrade")}
    assert changed - {("kubernetes:core/v1:Namespace", "home")} - declared == {SERVERS}


def test_every_object_carries_the_recommended_labels() -> None:
    engine, _ = deployed()
    for (token, name), inputs in engine.resources.items():
        if token.startswith("kubernetes:") and ":providers" not in token:
            labels = inputs["metadata"]["labels"]
            assert labels["app.kubernetes.io/name"] == "jellyfin", name
            assert labels["app.kubernetes.io/instance"] == "dev", name
            assert labels["app.kubernetes.io/managed-by"] == "pulumi", name


def test_without_a_source_there_is_no_migration() -> None:
    engine, _ = deployed()
    assert (RECORD, "jellyfin-migration") not in engine.resources
    assert (RECORD, "jellyfin-leases") in engine.resources


@pytest.mark.parametrize("nothing", [{}, None])
def test_a_migration_that_is_none_leaves_no_trace(nothing: object) -> None:
    engine, _ = deployed(migration=nothing)
    assert (RECORD, "jellyfin-migration") not in engine.resources
    assert "IsStartupWizardCompleted" not in declared_for(engine, "jellyfin")


def test_a_stack_without_a_server_has_all_that_its_servers_will_need() -> None:
    with_servers, outputs = deployed()
    without, same = deployed(server={**VALUES["server"], "replicas": 0})
    assert without.of(*SERVERS)["spec"]["replicas"] == 0
    assert without.resources.keys() == with_servers.resources.keys()
    assert same == outputs


def test_a_migration_is_recorded_by_the_sources_content(source: Path) -> None:
    def fingerprint() -> str:
        return deployed(migration={"source": str(source)})[0].of(RECORD, "jellyfin-migration")["data"]["fingerprint"]

    first = fingerprint()
    assert fingerprint() == first
    with sqlite3.connect(source) as database:
        database.execute("INSERT INTO Users VALUES ('a')")
    assert fingerprint() != first


def test_a_migration_closes_the_set_up_wizard_of_the_servers_but_not_before_it(source: Path) -> None:
    engine, _ = deployed(migration={"source": str(source)})
    closed = '"IsStartupWizardCompleted": "true"'
    assert closed in declared_for(engine, "jellyfin")
    assert closed not in declared_for(engine, "jellyfin-schema-upgrade")


def test_the_urls_path_is_what_the_servers_and_their_probes_use() -> None:
    engine, _ = deployed(server={**VALUES["server"], "url": "https://home.example.org/tv"})
    assert json.loads(declared_for(engine, "jellyfin"))["xml"]["config/network.xml"]["elements"]["BaseUrl"] == "/tv"
    (container,) = engine.of(*SERVERS)["spec"]["template"]["spec"]["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/tv/System/Ping"
    assert "/tv/health" in container["readinessProbe"]["exec"]["command"][-1]


def test_each_hook_runs_before_its_record_is_made_or_changed(
    source: Path, bound_hooks: list[dict[str, list[str]]]
) -> None:
    deployed(migration={"source": str(source)})
    records = [steps for steps in bound_hooks if "on_error" not in steps]
    assert records == [
        {"before_create": [hook], "before_update": [hook]}
        for hook in ("jellyfin-leases-hook", "jellyfin-schema-hook", "jellyfin-migration-hook", "jellyfin-upgrade-hook")
    ]


def test_servers_are_stopped_before_the_schema_upgrade_and_put_back_when_it_fails(
    bound_hooks: list[dict[str, list[str]]],
) -> None:
    deployed()
    around = [steps for steps in bound_hooks if "on_error" in steps]
    assert around == [{"before_create": ["jellyfin-upgrade-begin-hook"], "on_error": ["jellyfin-upgrade-failed"]}]


def test_a_server_starts_only_on_a_schema_that_was_prepared_for_its_image() -> None:
    engine, _ = deployed()
    pod = engine.of(*SERVERS)["spec"]["template"]["spec"]
    check = pod["initContainers"][0]
    assert check["name"] == "schema-check"
    assert check["image"] == "postgres:17"
    assert {"name": "SERVER_IMAGE", "value": "jellyfin:1"} in check["env"]


def test_servers_that_somebody_stopped_are_started_by_the_next_change() -> None:
    engine, _ = deployed()
    assert engine.of(*SERVERS)["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"


def test_a_missing_source_stops_the_program(tmp_path: Path) -> None:
    settings = parse_settings({**VALUES, "migration": {"source": str(tmp_path / "none.db")}}, origin="test")
    install()

    @pulumi.runtime.test
    def whole() -> None:
        deploy(settings, stack="dev", kubeconfig=None, context=None)

    with pytest.raises(UserError, match=r"none\.db") as caught:
        whole()
    assert caught.value.exit_code == 2


def test_other_stacks_read_names_never_values() -> None:
    _, outputs = deployed()
    assert outputs["contract_version"] == 1
    assert outputs["url"] == "http://jellyfin.home"
    assert outputs["service"] == {"name": "jellyfin", "port": 8096}
    assert outputs["volumes"] == {"config": "jellyfin-config", "media": "films"}
    assert outputs["secrets"] == {
        "database": "jellyfin-postgres-credentials",
        "lease_store": "jellyfin-redis-credentials",
    }
    assert "password-of" not in str(outputs)


def test_the_outputs_are_what_other_stacks_rely_on() -> None:
    assert [*faults(deployed()[1])] == []


def test_with_sqlite_there_is_one_server_and_nothing_that_only_postgresql_needs() -> None:
    engine, outputs = deployed(server={**VALUES["server"], "flavor": "sqlite", "replicas": 1})
    assert engine.of(*SERVERS)["spec"]["replicas"] == 1
    kinds = {token for token, _ in engine.resources}
    assert not {"kubernetes:batch/v1:Job", "kubernetes:core/v1:Secret"} & kinds
    assert [name for token, name in engine.resources if token == SERVERS[0]] == ["jellyfin"]
    assert [name for token, name in engine.resources if token == RECORD] == ["jellyfin-configuration"]
    assert outputs["secrets"] == {}
    assert set(outputs["images"]) == set(outputs["selectors"]) == {"server"}


def test_the_forks_are_told_where_redis_is() -> None:
    engine, _ = deployed(server={**VALUES["server"], "flavor": "nichols-fork"})
    (container,) = engine.of(*SERVERS)["spec"]["template"]["spec"]["containers"]
    values = [entry.get("value", "") for entry in container["env"]]
    assert any(value.startswith("jellyfin-redis.home.svc.cluster.local:6379,password=") for value in values)
    assert "password-of" not in str(engine.of(*SERVERS)), "the password itself stands in the Secret alone"
