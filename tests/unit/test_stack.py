"""What the whole program asks for, and what waits for what."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("ingress", "token"),
    [
        ({"type": "traefik", "tls": {"issuer": {"name": "home"}}}, "kubernetes:traefik.io/v1alpha1:IngressRoute"),
        (
            {"type": "ingress", "acceptsUnprotectedPaths": True, "affinity": "controller", "className": "haproxy"},
            "kubernetes:networking.k8s.io/v1:Ingress",
        ),
        (
            {"type": "gateway", "affinity": "controller", "parent": {"name": "public", "namespace": "edge"}},
            "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
        ),
    ],
)
def test_an_ingress_leads_to_the_servers_service_and_leaves_the_outputs_alone(
    ingress: dict[str, Any], token: str
) -> None:
    server = {**VALUES["server"], "url": "https://films.example.org", "knownProxies": ["10.42.0.0/16"]}
    engine, outputs = deployed(server=server, ingress=ingress)
    spec = str(engine.of(token, "jellyfin")["spec"])
    assert "'name': 'jellyfin'" in spec
    assert "8096" in spec
    assert engine.of(token, "jellyfin")["metadata"]["namespace"] == "home"
    assert outputs == deployed(server=server)[1]
    assert outputs["url"] == "https://films.example.org"


def test_all_settings_of_an_ingress_reach_it() -> None:
    server = {**VALUES["server"], "url": "https://a.example/films", "knownProxies": ["10.42.0.0/16"]}
    traefik = {
        "type": "traefik",
        "affinity": "cookie",
        "secureEntryPoint": "tls",
        "plainEntryPoint": "clear",
        "className": "outside",
        "tls": {"secretName": "mine"},
    }
    engine, _ = deployed(server=server, ingress=traefik)
    route = engine.of("kubernetes:traefik.io/v1alpha1:IngressRoute", "jellyfin")
    assert route["metadata"]["annotations"]["kubernetes.io/ingress.class"] == "outside"
    assert route["spec"]["entryPoints"] == ["tls"]
    assert route["spec"]["tls"] == {"secretName": "mine"}
    assert "sticky" in route["spec"]["routes"][0]["services"][0]
    redirect = engine.of("kubernetes:traefik.io/v1alpha1:IngressRoute", "jellyfin-to-https")
    assert redirect["spec"]["entryPoints"] == ["clear"]

    parent = {"name": "public", "namespace": "edge", "section": "tls", "plainSection": "clear"}
    gateway = {
        "type": "gateway",
        "parent": parent,
        "affinity": "session-persistence",
        "acceptsUnprotectedPaths": True,
    }
    engine, _ = deployed(server=server, ingress=gateway)
    route = engine.of("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "jellyfin")["spec"]
    assert route["parentRefs"] == [{"name": "public", "namespace": "edge", "sectionName": "tls"}]
    (served,) = route["rules"]
    assert "sessionPersistence" in served
    assert engine.of("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "jellyfin-to-https")

    plain = {"type": "ingress", "acceptsUnprotectedPaths": True, "affinity": "controller"}
    more = {"annotations": {"a/b": "c"}, "className": "haproxy", "tls": {"issuer": {"name": "home", "kind": "Issuer"}}}
    engine, _ = deployed(server=server, ingress={**plain, **more})
    ingress = engine.of("kubernetes:networking.k8s.io/v1:Ingress", "jellyfin")
    assert ingress["metadata"]["annotations"]["a/b"] == "c"
    assert ingress["spec"]["ingressClassName"] == "haproxy"
    assert (
        engine.of("kubernetes:cert-manager.io/v1:Certificate", "jellyfin-tls")["spec"]["issuerRef"]["kind"] == "Issuer"
    )
