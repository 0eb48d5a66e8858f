"""What the whole program asks for, and what waits for what."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pulumi
import pytest

from jellyfin_ha.infra.configuration import read_stack_file, settings_of
from jellyfin_ha.infra.settings import Settings, combinations, parse_settings
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


def test_the_example_of_a_home_keeps_two_copies_and_nightly_backups_of_what_cannot_be_made_again(
    homelab: tuple[Engine, dict[str, Any]],
) -> None:
    claim = homelab[0].of("kubernetes:core/v1:PersistentVolumeClaim", "data-jellyfin-postgres-0")
    assert claim["spec"]["storageClassName"] == "jellyfin-database"
    made = homelab[0].of("kubernetes:storage.k8s.io/v1:StorageClass", "jellyfin-database")
    assert made["reclaimPolicy"] == "Retain"
    assert made["parameters"]["numberOfReplicas"] == "2"
    job = homelab[0].of("kubernetes:longhorn.io/v1beta2:RecurringJob", "jellyfin-database-nightly")
    assert job["spec"]["task"] == "backup"


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
    assert changed - {("kubernetes:core/v1:Namespace", "home")} == {SERVERS}


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
    names = [container["name"] for container in engine.of(*SERVERS)["spec"]["template"]["spec"]["initContainers"]]
    assert "close-wizard" not in names


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

    def names(**more: Any) -> list[str]:
        return [container["name"] for container in init_containers(**more)]

    assert names(migration={"source": str(source)}) == ["schema-check", "close-wizard"]
    assert names() == ["schema-check"]


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
    monkeypatch.setattr(combinations, "takes_over_transcodes", lambda image: image == "jellyfin:1")
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


def test_the_outputs_are_what_other_stacks_rely_on() -> None:
    assert [*faults(deployed()[1])] == []


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
