"""What each component asks Kubernetes for."""

from __future__ import annotations

import asyncio
import json
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
)
from tests.unit.engine import Engine, install

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
RECURRING_JOB = "kubernetes:longhorn.io/v1beta2:RecurringJob"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
VOLUME = "kubernetes:core/v1:PersistentVolume"
JOB = "kubernetes:batch/v1:Job"

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


def schema_upgrade(image: str) -> Engine:
    args: Any = {
        **COMMON,
        "image": image,
        "database": {"secret_name": "db-credentials"},
        "config": {"claim_name": "config", "mount_path": "/config"},
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


def options_of(program: Callable[[pulumi.ResourceOptions], object]) -> dict[str, pulumi.ResourceOptions]:
    """The options of the resources that a component makes, by type token."""
    found: dict[str, pulumi.ResourceOptions] = {}

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        found[args.type_] = args.opts

    run(lambda: program(pulumi.ResourceOptions(transformations=[note])))
    return found


def test_what_holds_data_is_protected_and_what_can_be_made_again_is_not() -> None:
    database: Any = {**COMMON, "image": "postgres:17", "storage": {"size": "5Gi"}}
    store: Any = {**COMMON, "image": "redis:8", "storage": {"size": "1Gi"}}
    shared: Any = {**COMMON, "nfs": {"server": "nas", "path": "/pool/config"}}
    protected = {
        name: {token for token, options in options_of(program).items() if options.protect}
        for name, program in {
            "database": lambda options: PostgresDatabase("jellyfin-postgres", database, options),
            "lease store": lambda options: RedisLeaseStore("jellyfin-redis", store, options),
            "shared": lambda options: SharedStorage("config", shared, options),
        }.items()
    }
    assert protected == {"database": {CLAIM}, "lease store": {CLAIM}, "shared": {CLAIM, VOLUME}}


@pytest.mark.parametrize(("program", "name"), [(postgres, "jellyfin-postgres"), (redis, "jellyfin-redis")])
def test_a_volume_grows_with_its_setting(program: Callable[[], Engine], name: str) -> None:
    engine = program()
    assert "volumeClaimTemplates" not in engine.of(STATEFUL_SET, name)["spec"], "their sizes can never change"
    claim = engine.of(CLAIM, f"data-{name}-0")
    volumes = {volume["name"]: volume for volume in pod(engine, STATEFUL_SET, name)["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    # Without this a claim that is bound already, of a class that binds late, is waited for in vain.
    assert claim["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


def test_the_size_of_a_volume_that_nothing_enforces_is_used_once() -> None:
    shared: Any = {**COMMON, "nfs": {"server": "nas", "path": "/pool/config"}}
    options = options_of(lambda given: SharedStorage("config", shared, given))
    assert options[CLAIM].ignore_changes == ["spec.resources"]
    assert options[VOLUME].ignore_changes == ["spec.capacity"]
    by_class: Any = {**COMMON, "storage_class": "cephfs"}
    assert options_of(lambda given: SharedStorage("config", by_class, given))[CLAIM].ignore_changes == []


def test_another_password_replaces_the_pods_that_have_read_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(engine: Engine, name: str) -> str:
        return str(engine.of(STATEFUL_SET, name)["spec"]["template"]["metadata"]["annotations"])

    before = [noted(postgres(), "jellyfin-postgres"), noted(redis(), "jellyfin-redis")]
    made = Engine.new_resource

    def with_other_passwords(self: Engine, args: pulumi.runtime.MockResourceArgs) -> Any:
        identifier, outputs = made(self, args)
        return identifier, {**outputs, **({"result": "another"} if "result" in outputs else {})}

    monkeypatch.setattr(Engine, "new_resource", with_other_passwords)
    after = [noted(postgres(), "jellyfin-postgres"), noted(redis(), "jellyfin-redis")]
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert "password" not in str(before)
    database = {"secret_name": "db", "version": "1"}
    assert noted(server(database=database), "jellyfin") != noted(
        server(database={**database, "version": "2"}), "jellyfin"
    )


def test_data_that_is_there_gets_the_secrets_password_before_the_database_starts() -> None:
    (setting,) = pod(postgres(), STATEFUL_SET, "jellyfin-postgres")["initContainers"]
    (container,) = pod(postgres(), STATEFUL_SET, "jellyfin-postgres")["containers"]
    assert setting["image"] == container["image"]
    assert setting["volumeMounts"] == container["volumeMounts"]
    for name in ("PGDATA", "POSTGRES_USER", "POSTGRES_PASSWORD"):
        assert environment(setting)[name] == environment(container)[name]


def test_servers_keep_their_claims_when_they_are_scaled_down_or_taken_away() -> None:
    spec = server().of(STATEFUL_SET, "jellyfin")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_replicas_volume_may_be_on_its_nodes_own_disk() -> None:
    volumes: Any = [
        {"name": "cache", "mount_path": "/data/cache", "size": "10Gi"},
        {"name": "transcode", "mount_path": "/data/transcode", "size": "20Gi", "empty_dir": True},
    ]
    spec = server(pod_volumes=volumes).of(STATEFUL_SET, "jellyfin")["spec"]
    assert [template["metadata"]["name"] for template in spec["volumeClaimTemplates"]] == ["cache"]
    in_pod = {volume["name"]: volume for volume in spec["template"]["spec"]["volumes"]}
    assert in_pod["transcode"]["emptyDir"] == {"sizeLimit": "20Gi"}


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
    volumes = {volume["name"] for volume in spec.get("volumes", [])} | {"transcode", "cache"}
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


def test_csi_driver_nfs_mounts_the_same_export_when_it_is_wanted() -> None:
    args: Any = {**COMMON, "read_only": True, "nfs": {"server": "nas", "path": "/pool/media", "csi": True}}
    volume = run(lambda: SharedStorage("media", args)).of(VOLUME, "media")["spec"]
    assert "nfs" not in volume
    assert volume["csi"] == {
        "driver": "nfs.csi.k8s.io",
        "volumeHandle": "nas#/pool/media#home-media",
        "volumeAttributes": {"server": "nas", "share": "/pool/media"},
    }
    assert "hard" in volume["mountOptions"]
    assert volume["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["accessModes"] == ["ReadOnlyMany"]


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
    made = engine.of(STORAGE_CLASS, "fast")
    assert made["provisioner"] == "driver.longhorn.io"
    assert made["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made["reclaimPolicy"] == "Delete"
    assert made["parameters"] == {
        "numberOfReplicas": "2",
        "dataLocality": "best-effort",
        "staleReplicaTimeout": "30",
        "fsType": "ext4",
    }


def test_longhorn_makes_snapshots_and_backups_of_what_cannot_be_made_again() -> None:
    longhorn: Any = {
        "keep": True,
        "node_selector": ["storage"],
        "disk_selector": ["ssd", "fast"],
        "jobs": {"nightly": {"task": "backup", "cron": "0 3 * * *", "retain": 7}},
        "job_groups": ["default"],
    }
    names: list[str | None] = []

    def program() -> None:
        PodStorage("home-database", {"instance": "test", "longhorn": longhorn}).storage_class.apply(names.append)

    engine = run(program)
    made = engine.of(STORAGE_CLASS, "home-database")
    assert names == ["home-database"]
    assert made["reclaimPolicy"] == "Retain"
    assert made["allowVolumeExpansion"] is True
    assert (made["parameters"]["nodeSelector"], made["parameters"]["diskSelector"]) == ("storage", "ssd,fast")
    assert json.loads(made["parameters"]["recurringJobSelector"]) == [
        {"name": "home-database-nightly", "isGroup": False},
        {"name": "default", "isGroup": True},
    ]
    job = engine.of(RECURRING_JOB, "home-database-nightly")
    assert job["metadata"]["namespace"] == "longhorn-system"
    assert {key: job["spec"][key] for key in ("task", "cron", "retain", "concurrency")} == {
        "task": "backup",
        "cron": "0 3 * * *",
        "retain": 7,
        "concurrency": 1,
    }


def test_a_class_that_is_made_anew_leaves_the_claims_of_its_volumes_alone() -> None:
    used: list[asyncio.Future[set[pulumi.Resource]]] = []

    def program() -> None:
        made = PodStorage("home-database", {"instance": "test", "longhorn": {}})
        database: Any = {**COMMON, "image": "p", "storage": {"size": "5Gi", "storage_class": made.storage_class}}
        PostgresDatabase("jellyfin-postgres", database)
        used.append(asyncio.ensure_future(made.storage_class.resources()))

    engine = run(program)
    assert engine.of(CLAIM, "data-jellyfin-postgres-0")["spec"]["storageClassName"] == "home-database"
    assert used[0].result() == set()


def test_an_existing_class_is_used_as_it_is() -> None:
    engine = run(lambda: PodStorage("fast", {"instance": "test", "storage_class": "local"}))
    assert STORAGE_CLASS not in engine.tokens()


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
