"""What the whole program asks for, and what waits for what."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pulumi
import pytest

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
