"""What the whole program asks for, and what waits for what."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pulumi
import pytest

from jellyfin_ha.infra import settings as settings_module
from jellyfin_ha.infra.settings import parse_settings
from jellyfin_ha.infra.stack import deploy
from jellyfin_ha.operations.errors import UserError
from tests.unit.engine import Engine, install


@pytest.fixture(autouse=True)
def bound_hooks(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[str]]]:
    """Which hook is bound to which step: Pulumi's mocks have no engine that could run one."""
    bound: list[dict[str, list[str]]] = []

    def bind(**steps: list[str]) -> None:
        bound.append(steps)

    monkeypatch.setattr(pulumi, "ResourceHook", lambda name, _: name)
    monkeypatch.setattr(pulumi, "ResourceHookBinding", bind)
    return bound


SERVERS = ("kubernetes:apps/v1:StatefulSet", "jellyfin")
RECORD = "kubernetes:core/v1:ConfigMap"

VALUES: dict[str, Any] = {
    "namespace": "home",
    "server": {"image": "jellyfin:1", "url": "http://jellyfin.home"},
    "storage": {"config": {"storageClass": "nfs"}, "media": {"existingClaim": "films"}},
}


def deployed(**more: Any) -> tuple[Engine, dict[str, Any]]:
    """The resources and the outputs of a program with these settings."""
    engine = install()
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def whole() -> None:
        settings = parse_settings({**VALUES, **more}, origin="test")
        found = deploy(settings, stack="dev", kubeconfig=None, context=None)
        for key, value in vars(found).items():
            value.apply(lambda resolved, key=key: outputs.update({key: resolved}))

    whole()
    return engine, outputs


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "jellyfin.db"
    with sqlite3.connect(path) as database:
        for table in ("BaseItems", "Users", "__EFMigrationsHistory"):
            database.execute(f'CREATE TABLE "{table}" (Id TEXT)')
    return path


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
    assert "initContainers" not in engine.of(*SERVERS)["spec"]["template"]["spec"]


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


def test_a_migration_closes_the_set_up_wizard_and_a_new_server_keeps_it(source: Path) -> None:
    def init_containers(**more: Any) -> Any:
        return deployed(**more)[0].of(*SERVERS)["spec"]["template"]["spec"].get("initContainers")

    assert [container["name"] for container in init_containers(migration={"source": str(source)})] == ["close-wizard"]
    assert init_containers() is None


def test_each_hook_runs_before_its_record_is_made_or_changed(
    source: Path, bound_hooks: list[dict[str, list[str]]]
) -> None:
    deployed(migration={"source": str(source)})
    assert bound_hooks == [
        {"before_create": [hook], "before_update": [hook]}
        for hook in ("jellyfin-leases-hook", "jellyfin-migration-hook")
    ]


def test_a_missing_source_stops_the_program(tmp_path: Path) -> None:
    settings = parse_settings({**VALUES, "migration": {"source": str(tmp_path / "none.db")}}, origin="test")
    install()

    @pulumi.runtime.test
    def whole() -> None:
        deploy(settings, stack="dev", kubeconfig=None, context=None)

    with pytest.raises(UserError, match=r"none\.db") as caught:
        whole()
    assert caught.value.exit_code == 2


def test_each_part_may_have_a_longhorn_class_of_its_own() -> None:
    engine, _ = deployed(
        storage={**VALUES["storage"], "perPod": {"longhorn": {}}},
        database={"storage": {"size": "5Gi", "longhorn": {}}},
        leaseStore={"storage": {"size": "1Gi", "longhorn": {}}},
    )
    classes = {name: inputs for (token, name), inputs in engine.resources.items() if token.endswith(":StorageClass")}
    assert {name: made["reclaimPolicy"] for name, made in classes.items()} == {
        "home-pod-storage": "Delete",
        "home-database": "Retain",
        "home-lease-store": "Retain",
    }
    assert classes["home-pod-storage"]["parameters"]["numberOfReplicas"] == "1"
    assert classes["home-database"]["parameters"]["numberOfReplicas"] == "2"
    claims = "kubernetes:core/v1:PersistentVolumeClaim"
    assert engine.of(claims, "data-jellyfin-postgres-0")["spec"]["storageClassName"] == "home-database"
    assert engine.of(claims, "data-jellyfin-redis-0")["spec"]["storageClassName"] == "home-lease-store"
    templates = engine.of(*SERVERS)["spec"]["volumeClaimTemplates"]
    assert {template["spec"]["storageClassName"] for template in templates} == {"home-pod-storage"}


def test_servers_that_can_may_share_one_transcode_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "takes_over_transcodes", lambda image: image == "jellyfin:1")
    engine, _ = deployed(storage={**VALUES["storage"], "transcode": {"storageClass": "cephfs"}})
    claim = engine.of("kubernetes:core/v1:PersistentVolumeClaim", "jellyfin-transcode")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    spec = engine.of(*SERVERS)["spec"]
    assert [template["metadata"]["name"] for template in spec["volumeClaimTemplates"]] == ["cache"]
    pod = spec["template"]["spec"]
    (mounted,) = (mount for mount in pod["containers"][0]["volumeMounts"] if mount["mountPath"] == "/data/transcode")
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == mounted["name"])
    assert volume["persistentVolumeClaim"]["claimName"] == "jellyfin-transcode"


def test_another_database_password_restarts_the_servers_too() -> None:
    engine, _ = deployed()
    database = engine.of("kubernetes:apps/v1:StatefulSet", "jellyfin-postgres")
    annotations = [part["spec"]["template"]["metadata"]["annotations"] for part in (database, engine.of(*SERVERS))]
    assert annotations[0]["jellyfin-ha/credentials"] == annotations[1]["jellyfin-ha/credentials"]


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
