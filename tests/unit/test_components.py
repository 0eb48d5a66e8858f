"""What each component asks Kubernetes for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from jellyfin_ha import components
from jellyfin_ha.components import (
    JellyfinServer,
    PodStorage,
    PostgresDatabase,
    RedisLeaseStore,
    SchemaUpgrade,
    SharedStorage,
    server_config,
)
from jellyfin_ha.components.server_config import Declared, sources
from tests.unit.engine import Engine, install

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
VOLUME = "kubernetes:core/v1:PersistentVolume"
JOB = "kubernetes:batch/v1:Job"
PASSWORD = "random:index/randomPassword:RandomPassword"

COMMON = {"namespace": "home", "instance": "test"}


def run(program: Callable[[], object]) -> Engine:
    """Runs a Pulumi program to its end, so that the absence of a resource can be asserted as well."""
    engine = install()

    @pulumi.runtime.test
    def whole() -> None:
        program()

    whole()
    return engine


def server(**more: Any) -> Engine:
    args: Any = {
        **COMMON,
        "image": "jellyfin:1",
        "database": {"secret_name": "db-credentials"},
        "shared_volumes": [
            {"claim_name": "config", "mount_path": "/config"},
            {"claim_name": "media", "mount_path": "/media", "read_only": True},
        ],
        "pod_volumes": [
            {"name": "transcode", "mount_path": "/data/transcode", "size": "20Gi", "storage_class": "fast"},
            {"name": "cache", "mount_path": "/data/cache", "size": "10Gi"},
        ],
        **more,
    }
    return run(lambda: JellyfinServer("jellyfin", args))


def postgres(**more: Any) -> Engine:
    args: Any = {**COMMON, "image": "postgres:17", "storage": {"size": "5Gi"}, **more}
    return run(lambda: PostgresDatabase("jellyfin-postgres", args))


def redis(**more: Any) -> Engine:
    args: Any = {**COMMON, "image": "redis:8", "storage": {"size": "1Gi"}, **more}
    return run(lambda: RedisLeaseStore("jellyfin-redis", args))


def schema_upgrade(image: str, **more: Any) -> Engine:
    args: Any = {
        **COMMON,
        "image": image,
        "database": {"secret_name": "db-credentials"},
        "config": {"claim_name": "config", "mount_path": "/config"},
        **more,
    }
    return run(lambda: SchemaUpgrade("schema", args))


def pod(engine: Engine, token: str, name: str) -> Any:
    return engine.of(token, name)["spec"]["template"]["spec"]


def pod_specs() -> list[Any]:
    return [
        pod(server(), STATEFUL_SET, "jellyfin"),
        pod(postgres(), STATEFUL_SET, "jellyfin-postgres"),
        pod(redis(), STATEFUL_SET, "jellyfin-redis"),
        pod(schema_upgrade("jellyfin:1"), JOB, "schema"),
    ]


def environment(container: Any) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") or entry["valueFrom"] for entry in container["env"]}


def test_two_replicas_never_share_a_node() -> None:
    spec = server().of(STATEFUL_SET, "jellyfin")["spec"]
    assert spec["replicas"] == 2
    (term,) = spec["template"]["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    pod_labels = spec["template"]["metadata"]["labels"]
    assert term["labelSelector"]["matchLabels"].items() <= pod_labels.items(), "the term must match the pods themselves"


def test_a_drain_takes_one_replica_at_a_time() -> None:
    engine = server()
    budget = engine.of("kubernetes:policy/v1:PodDisruptionBudget", "jellyfin")["spec"]
    assert budget["maxUnavailable"] == 1
    labels = engine.of(STATEFUL_SET, "jellyfin")["spec"]["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_a_client_stays_with_one_replica() -> None:
    spec = server(service={"type": "NodePort", "node_port": 30096}).of(SERVICE, "jellyfin")["spec"]
    assert spec["sessionAffinity"] == "ClientIP"
    assert spec["type"] == "NodePort"
    assert spec["ports"][0]["nodePort"] == 30096


def test_every_replica_has_transcode_and_cache_claims_of_its_own() -> None:
    templates = server().of(STATEFUL_SET, "jellyfin")["spec"]["volumeClaimTemplates"]
    assert [template["metadata"]["name"] for template in templates] == ["transcode", "cache"]
    assert templates[0]["spec"]["storageClassName"] == "fast"
    assert "storageClassName" not in templates[1]["spec"], "absent means the cluster's default class"


def test_media_is_mounted_read_only_and_configuration_is_not() -> None:
    mounts = {
        mount["mountPath"]: mount for mount in pod(server(), STATEFUL_SET, "jellyfin")["containers"][0]["volumeMounts"]
    }
    assert mounts["/media"]["readOnly"] is True
    assert not mounts["/config"].get("readOnly")
    assert not mounts["/config/plugins"].get("readOnly")


def test_readiness_asks_for_the_body_healthy_and_liveness_needs_no_database() -> None:
    (container,) = pod(server(), STATEFUL_SET, "jellyfin")["containers"]
    assert "= Healthy" in container["readinessProbe"]["exec"]["command"][-1]
    assert container["livenessProbe"]["httpGet"]["path"] == "/System/Ping"


def test_a_server_may_take_half_an_hour_to_start() -> None:
    (container,) = pod(server(), STATEFUL_SET, "jellyfin")["containers"]
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 30 * 60


def test_the_server_reads_its_password_from_the_secret_alone() -> None:
    (container,) = pod(server(), STATEFUL_SET, "jellyfin")["containers"]
    variables = environment(container)
    assert variables["POSTGRES_PASSWORD"]["secretKeyRef"] == {"name": "db-credentials", "key": "POSTGRES_PASSWORD"}
    assert variables["JELLYFIN_INSTANCE_ID"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_logs_and_cache_are_never_shared_between_servers() -> None:
    variables = environment(pod(server(), STATEFUL_SET, "jellyfin")["containers"][0])
    for name in ("JELLYFIN_LOG_DIR", "JELLYFIN_CACHE_DIR"):
        assert not variables[name].startswith(variables["JELLYFIN_DATA_DIR"] + "/")


def test_the_database_and_its_password_are_protected_against_replacement() -> None:
    protected: dict[str, bool] = {}

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        protected[args.type_] = bool(args.opts.protect)

    arguments: Any = {**COMMON, "image": "postgres:17", "storage": {"size": "5Gi"}}
    options = pulumi.ResourceOptions(transformations=[note])
    run(lambda: PostgresDatabase("jellyfin-postgres", arguments, options))
    assert protected[STATEFUL_SET]
    assert protected[PASSWORD]


def test_the_database_secret_holds_what_servers_and_people_need() -> None:
    secret = postgres().of(SECRET, "jellyfin-postgres-credentials")["stringData"]
    host = "jellyfin-postgres.home.svc.cluster.local"
    assert secret["POSTGRES_HOST"] == host
    assert secret["POSTGRES_PASSWORD"] == "password-of-jellyfin-postgres-password"
    assert secret["DATABASE_URL"] == f"postgresql://jellyfin:{secret['POSTGRES_PASSWORD']}@{host}:5432/jellyfin"


def test_the_databases_data_is_in_its_volume() -> None:
    engine = postgres()
    (container,) = pod(engine, STATEFUL_SET, "jellyfin-postgres")["containers"]
    paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert environment(container)["PGDATA"].startswith(paths["data"] + "/")


def test_a_port_forward_to_the_database_needs_its_password() -> None:
    (container,) = pod(postgres(), STATEFUL_SET, "jellyfin-postgres")["containers"]
    assert environment(container)["POSTGRES_INITDB_ARGS"] == "--auth-host=scram-sha-256"


def test_redis_evicts_nothing_and_persists_every_write() -> None:
    conf = redis().of(SECRET, "jellyfin-redis-config")["stringData"]["redis.conf"].splitlines()
    for line in ("maxmemory-policy noeviction", "appendonly yes", "appendfsync always"):
        assert line in conf
    assert "requirepass password-of-jellyfin-redis-password" in conf


@pytest.mark.parametrize("memory", [64, 256, 1000])
def test_redis_stays_below_its_containers_memory(memory: int) -> None:
    engine = redis(memory_mib=memory)
    conf = engine.of(SECRET, "jellyfin-redis-config")["stringData"]["redis.conf"]
    (container,) = pod(engine, STATEFUL_SET, "jellyfin-redis")["containers"]
    assert container["resources"]["limits"]["memory"] == f"{memory}Mi"
    assert f"maxmemory {memory // 2}mb" in conf


def test_other_redis_settings_restart_redis() -> None:
    def annotation(memory: int) -> str:
        spec = redis(memory_mib=memory).of(STATEFUL_SET, "jellyfin-redis")["spec"]
        return spec["template"]["metadata"]["annotations"]["jellyfin-ha/settings"]

    assert annotation(256) == annotation(256)
    assert annotation(256) != annotation(512)


def test_redis_takes_no_password_on_its_command_line() -> None:
    (container,) = pod(redis(), STATEFUL_SET, "jellyfin-redis")["containers"]
    assert "password" not in " ".join(container["args"])


def test_the_schema_upgrade_runs_once_for_each_image() -> None:
    def job(image: str) -> str:
        return schema_upgrade(image).of(JOB, "schema")["metadata"]["name"]

    assert job("jellyfin:1") == job("jellyfin:1")
    assert job("jellyfin:1") != job("jellyfin:2")


def test_the_schema_upgrade_ends_when_the_server_is_healthy() -> None:
    spec = pod(schema_upgrade("jellyfin:1"), JOB, "schema")
    sidecar = spec["initContainers"][-1]
    assert sidecar["restartPolicy"] == "Always", "a native sidecar does not keep the Job from ending"
    (waiting,) = spec["containers"]
    assert "= Healthy" in waiting["command"][-1]
    assert spec["restartPolicy"] == "Never"


@pytest.mark.parametrize("index", range(4))
def test_every_pod_is_admitted_by_the_restricted_standard(index: int) -> None:
    spec = pod_specs()[index]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert spec["automountServiceAccountToken"] is False
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("index", range(4))
def test_every_mount_of_a_pod_has_its_volume(index: int) -> None:
    spec = pod_specs()[index]
    volumes = {volume["name"] for volume in spec.get("volumes", [])} | {"data", "transcode", "cache"}
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes


def test_an_nfs_export_becomes_a_volume_bound_to_its_claim_and_kept_after_it() -> None:
    args: Any = {**COMMON, "size": "50Gi", "nfs": {"server": "nas", "path": "/pool/config"}}
    engine = run(lambda: SharedStorage("config", args))
    volume = engine.of(VOLUME, "config")["spec"]
    assert volume["nfs"] == {"server": "nas", "path": "/pool/config"}
    assert "hard" in volume["mountOptions"]
    assert volume["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["claimRef"] == {"namespace": "home", "name": "config"}
    claim = engine.of(CLAIM, "config")["spec"]
    assert claim["volumeName"] == "home-config"
    assert claim["accessModes"] == volume["accessModes"] == ["ReadWriteMany"]


def test_a_storage_class_needs_no_volume_of_ours() -> None:
    args: Any = {**COMMON, "storage_class": "nfs-csi"}
    engine = run(lambda: SharedStorage("config", args))
    assert VOLUME not in engine.tokens()
    assert engine.of(CLAIM, "config")["spec"]["storageClassName"] == "nfs-csi"


def test_an_existing_claim_is_used_as_it_is() -> None:
    names: list[str] = []

    def program() -> None:
        args: Any = {**COMMON, "existing_claim": "nas-media"}
        SharedStorage("media", args).claim_name.apply(names.append)

    engine = run(program)
    assert names == ["nas-media"]
    assert CLAIM not in engine.tokens()


@pytest.mark.parametrize("sources", [{}, {"storage_class": "a", "existing_claim": "b"}])
def test_shared_storage_wants_exactly_one_source(sources: dict[str, str]) -> None:
    args: Any = {**COMMON, **sources}
    with pytest.raises(ValueError, match="exactly one of nfs, storage_class, existing_claim, host_path"):
        SharedStorage("config", args)


def test_a_longhorn_class_binds_where_the_pod_runs() -> None:
    engine = run(lambda: PodStorage("fast", {"instance": "test", "longhorn": {"replicas": 2}}))
    made = engine.of("kubernetes:storage.k8s.io/v1:StorageClass", "fast")
    assert made["provisioner"] == "driver.longhorn.io"
    assert made["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made["parameters"]["numberOfReplicas"] == "2"


def test_an_existing_class_is_used_as_it_is() -> None:
    engine = run(lambda: PodStorage("fast", {"instance": "test", "storage_class": "local"}))
    assert "kubernetes:storage.k8s.io/v1:StorageClass" not in engine.tokens()


def test_programs_in_other_pulumi_languages_can_use_every_component() -> None:
    from pulumi.provider.experimental.analyzer import Analyzer

    classes = [getattr(components, name) for name in components.__all__ if not name.endswith("Args")]
    found = Analyzer("jellyfin-ha").analyze(classes)["component_definitions"]
    assert set(found) == {component.__name__ for component in classes}
    for definition in found.values():
        assert definition.inputs
        assert definition.outputs
        assert definition.description


def test_every_component_documents_its_type_token() -> None:
    for name in components.__all__:
        component = getattr(components, name)
        if not name.endswith("Args"):
            assert f"`jellyfin-ha:index:{name}`" in (component.__doc__ or "")


def mounts_of(container: Any) -> dict[str, Any]:
    return {mount["mountPath"]: mount for mount in container["volumeMounts"]}


def init_containers(spec: Any) -> list[str]:
    return [container["name"] for container in spec["initContainers"]]


@pytest.mark.parametrize("where", ["replicas", "schema upgrade"])
def test_a_server_starts_on_prepared_folders_with_plugins_and_a_database_xml_of_its_pods_own(where: str) -> None:
    if where == "replicas":
        spec = pod(server(), STATEFUL_SET, "jellyfin")
        (container,) = spec["containers"]
        assert init_containers(spec) == ["copy-plugins", "configure"]
    else:
        spec = pod(schema_upgrade("jellyfin:1"), JOB, "schema")
        container = spec["initContainers"][-1]
        assert init_containers(spec) == ["copy-plugins", "configure", "jellyfin"]
    mounts = mounts_of(container)
    assert mounts["/config/plugins"]["name"] == mounts["/config/config/database.xml"]["name"] == "own"
    assert mounts["/config/config/database.xml"]["readOnly"] is True
    assert mounts["/config/plugins/configurations"]["name"] == mounts["/config"]["name"]
    assert "exec /jellyfin/jellyfin" in container["command"][-1], "the image's entry point is not run"
    (own,) = [volume for volume in spec["volumes"] if volume["name"] == "own"]
    assert "emptyDir" in own


def test_the_folders_are_prepared_by_a_program_that_comes_along_in_the_given_image() -> None:
    engine = server(tools_image="tools:1")
    data = engine.of("kubernetes:core/v1:ConfigMap", "jellyfin-configuration")["data"]
    assert data.keys() == {"declared.json", *sources()}
    configure = pod(engine, STATEFUL_SET, "jellyfin")["initContainers"][-1]
    assert configure["image"] == "tools:1"
    assert {"/config", "/run/jellyfin-ha"} <= mounts_of(configure).keys()


def test_other_declared_settings_restart_the_servers_and_another_program_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def annotations(**more: Any) -> Any:
        return server(**more).of(STATEFUL_SET, "jellyfin")["spec"]["template"]["metadata"]["annotations"]

    before = annotations()
    monkeypatch.setattr(server_config, "sources", lambda: {"a.py": "pass"})
    assert annotations() == before
    assert annotations() != annotations(configuration={"metrics": True})


def test_what_is_declared_is_in_the_files_that_jellyfin_reads() -> None:
    configuration = {
        "known_proxies": ["10.42.0.0/16"],
        "metrics": True,
        "quick_connect": False,
        "encoding": {"HardwareAccelerationType": "vaapi"},
    }
    content = server(configuration=configuration).of("kubernetes:core/v1:ConfigMap", "jellyfin-configuration")["data"]
    files = Declared.from_json(content["declared.json"]).xml
    assert files["config/network.xml"].elements["KnownProxies"] == ["10.42.0.0/16"]
    assert files["config/system.xml"].elements["EnableMetrics"] == "true"
    assert files["config/system.xml"].elements["QuickConnectAvailable"] == "false"
    assert files["config/encoding.xml"].elements == {
        "TranscodingTempPath": "/data/transcode",
        "HardwareAccelerationType": "vaapi",
    }


def test_what_is_not_declared_is_left_to_the_dashboard() -> None:
    content = server().of("kubernetes:core/v1:ConfigMap", "jellyfin-configuration")["data"]["declared.json"]
    for name in ("KnownProxies", "EnableMetrics", "QuickConnectAvailable", "IsStartupWizardCompleted"):
        assert name not in content


def test_the_forks_get_connection_strings_by_names_that_they_read_and_passwords_from_secrets() -> None:
    store = {"secret_name": "redis-credentials", "host": "redis.home", "port": 6379}
    (container,) = pod(server(flavor="nichols-fork", lease_store=store), STATEFUL_SET, "jellyfin")["containers"]
    variables = environment(container)
    name = "JELLYFIN_Jellyfin__TranscodeStore__RedisConnectionString"
    assert variables[name] == "redis.home:6379,password=$(REDIS_PASSWORD),abortConnect=false"
    assert variables["POSTGRES_CONNECTION_STRING"].endswith("Password=$(POSTGRES_PASSWORD)")
    order = list(variables)
    for used, user in (("REDIS_PASSWORD", name), ("POSTGRES_PASSWORD", "POSTGRES_CONNECTION_STRING")):
        assert "secretKeyRef" in variables[used]
        assert order.index(used) < order.index(user), "the cluster puts in only what stands before"


def test_the_plugins_image_is_told_of_no_redis() -> None:
    store = {"secret_name": "redis-credentials", "host": "redis.home", "port": 6379}
    variables = environment(pod(server(lease_store=store), STATEFUL_SET, "jellyfin")["containers"][0])
    assert not [name for name in variables if "REDIS" in name.upper()]


def test_a_single_server_with_sqlite_has_no_database_and_its_plugins_in_the_shared_folder() -> None:
    args: Any = {"flavor": "sqlite", "replicas": 1}
    spec = pod(server(**args), STATEFUL_SET, "jellyfin")
    (container,) = spec["containers"]
    assert init_containers(spec) == ["configure"]
    assert not [name for name in environment(container) if name.startswith("POSTGRES")]
    assert not {"/config/plugins", "/config/config/database.xml"} & mounts_of(container).keys()


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"flavor": "mysql"}, "expected one of sqlite, pgsql-plugin, zolty-fork, nichols-fork, found 'mysql'"),
        ({"database": None}, "expected a database, found none"),
        ({"shared_volumes": [{"claim_name": "media", "mount_path": "/media"}]}, "expected one at /config"),
    ],
)
def test_a_server_that_cannot_work_is_refused(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        server(**more)
