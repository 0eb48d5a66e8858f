"""The server's replicas."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from .common import (
    CLAIM_TEMPLATES,
    child,
    claim_template,
    exec_probe,
    metadata,
    mount,
    pod_security,
    resources,
    selector,
)
from .gpu import GpuArgs, PodGpu, pod_gpu
from .schema_check import schema_check
from .server_configuration import ServerConfiguration, base_url
from .server_pod import PORT, SERVER_UID, scratch_volumes, server_container, shared_volumes, store_environment
from .server_preparation import Prepared, ServerArgs, config_mount, flavor_of, prepare_server
from .server_scripts import START, ready
from .types import PodVolume, ResourceNeeds, SharedVolume

# Long enough for a server that migrates a large library while it starts; the probe ends as soon as it is up.
STARTUP_SECONDS = 30 * 60

# Kubernetes drops a terminating pod from its Services while it tells the pod to stop: without this pause
# connections still arrive at a server that no longer listens.
DRAIN_SECONDS = 5
SHUTDOWN_SECONDS = 60

# How long a client stays with one replica after its last connection; the longest that is likely to be one evening.
AFFINITY_SECONDS = 3 * 60 * 60


class ServerService(TypedDict):
    """How the Service of the servers is reached."""

    type: NotRequired[pulumi.Input[str]]
    """ClusterIP (when absent), NodePort or LoadBalancer."""

    node_port: NotRequired[pulumi.Input[int]]
    """The port on every node, 30000-32767, for NodePort; chosen by the cluster when absent."""


class JellyfinServerArgs(ServerArgs):
    """What JellyfinServer takes."""

    image: pulumi.Input[str]
    """A Jellyfin image of the flavor."""

    shared_volumes: list[SharedVolume]
    """The configuration and the media."""

    pod_volumes: list[PodVolume]
    """Transcodes and cache, one of each for every pod."""

    replicas: NotRequired[pulumi.Input[int]]
    """How many servers; 2 when absent, 0 for none yet. With the flavor sqlite at most 1."""

    published_url: NotRequired[pulumi.Input[str]]
    """The URL under which clients reach the server."""

    service: NotRequired[ServerService]
    """How the Service is reached; a ClusterIP when absent."""

    resources: NotRequired[ResourceNeeds]
    """CPU and memory of each server; the cluster's defaults when absent."""

    schema_check_image: NotRequired[pulumi.Input[str]]
    """An image with psql, such as the database's: a server then starts only when its image's schema upgrade has been
    noted in the database; it starts without a check when absent."""

    gpu: NotRequired[GpuArgs | None]
    """A GPU for each server to transcode with; none when absent or None."""


class JellyfinServer(pulumi.ComponentResource):
    """Jellyfin on as many nodes as it has replicas (`jellyfin-ha:index:JellyfinServer`).

    Makes the StatefulSet `<name>` with its per-pod claims (`<volume>-<name>-N`), the Service `<name>` that keeps
    a client's address on one replica, the headless Service `<name>-pods`, a PodDisruptionBudget, and the ConfigMap
    `<name>-configuration` with the declared settings, which each pod makes so before its server starts; other
    settings mean new pods, one after the other; with gpu.dra.device_class a ResourceClaimTemplate as well.

    Two replicas never share a node: one stays Pending rather than that. A node drain takes one at a time. When a
    node dies, the Service drops its replica as soon as the cluster notices; new connections go to the other.
    A replica counts as ready when the body of /health is `Healthy` and it is the server that its folder knows, set up
    and on its database; it is restarted when /System/Ping, which needs no database, fails. A replica for which there is
    no GPU left stays Pending.

    Raises:
        ValueError: no such flavor; a flavor with PostgreSQL and no database; no shared volume at /config; `gpu` is no
            possible choice.
    """

    service_name: pulumi.Output[str]
    """The Service for clients."""

    port: pulumi.Output[int]
    """The Service's port."""

    def __init__(self, name: str, args: JellyfinServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jellyfin-ha:index:JellyfinServer", name, {}, opts)
        namespace, instance = args["namespace"], args["instance"]
        pods = selector("web", instance)
        meta = metadata(name, namespace, "web", instance)
        gpu = pod_gpu(args.get("gpu"), parent=self, name=name, namespace=namespace, component="web", instance=instance)
        ports = [k8s.core.v1.ServicePortArgs(name="http", port=PORT, target_port="http")]
        volumes, mounts = shared_volumes(args["shared_volumes"])
        config = config_mount(args["shared_volumes"], mounts)
        prepared = prepare_server(self, name, "web", args, args["image"], config)
        headless = k8s.core.v1.Service(
            f"{name}-pods",
            metadata=metadata(f"{name}-pods", namespace, "web", instance),
            spec=k8s.core.v1.ServiceSpecArgs(
                cluster_ip="None", selector=pods, ports=ports, publish_not_ready_addresses=True
            ),
            opts=child(self),
        )
        servers = k8s.apps.v1.StatefulSet(
            name,
            metadata=metadata(
                name,
                namespace,
                "web",
                instance,
                # An upgrade, or a person, may have stopped the servers: the next update starts them again.
                more_annotations={"pulumi.com/patchForce": "true"},
            ),
            spec=k8s.apps.v1.StatefulSetSpecArgs(
                replicas=args.get("replicas", 2),
                service_name=f"{name}-pods",
                # A replica that cannot start must not keep the others from starting.
                pod_management_policy="Parallel",
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=pods),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(
                        labels=meta.labels,
                        # A server reads its settings once: other settings mean another pod.
                        annotations={"jellyfin-ha/configuration": prepared.fingerprint},
                    ),
                    spec=self._pod(args, gpu, prepared, volumes, mounts),
                ),
                volume_claim_templates=[
                    claim_template(volume["name"], volume["size"], volume.get("storage_class"))
                    for volume in args["pod_volumes"]
                ],
            ),
            opts=child(
                self,
                depends_on=[headless],
                timeout=f"{STARTUP_SECONDS + 300}s",
                ignore_changes=[CLAIM_TEMPLATES],
            ),
        )
        k8s.policy.v1.PodDisruptionBudget(
            name,
            metadata=meta,
            spec=k8s.policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1, selector=k8s.meta.v1.LabelSelectorArgs(match_labels=pods)
            ),
            opts=child(self),
        )
        service = args.get("service", ServerService())
        clients = k8s.core.v1.Service(
            name,
            metadata=meta,
            spec=k8s.core.v1.ServiceSpecArgs(
                type=service.get("type", "ClusterIP"),
                selector=pods,
                ports=[
                    k8s.core.v1.ServicePortArgs(
                        name="http", port=PORT, target_port="http", node_port=service.get("node_port")
                    )
                ],
                session_affinity="ClientIP",
                session_affinity_config=k8s.core.v1.SessionAffinityConfigArgs(
                    client_ip=k8s.core.v1.ClientIPConfigArgs(timeout_seconds=AFFINITY_SECONDS)
                ),
            ),
            # The provider waits until a Service has endpoints: there are none before the servers.
            opts=child(self, depends_on=[servers]),
        )
        self.service_name = clients.metadata.name
        self.port = pulumi.Output.from_input(PORT)
        self.register_outputs({"service_name": self.service_name, "port": self.port})

    def _pod(
        self,
        args: JellyfinServerArgs,
        gpu: PodGpu,
        prepared: Prepared,
        volumes: list[k8s.core.v1.VolumeArgs],
        mounts: list[k8s.core.v1.VolumeMountArgs],
    ) -> k8s.core.v1.PodSpecArgs:
        needs = args.get("resources", ResourceNeeds())
        flavor, prefix = flavor_of(args), base_url(args.get("configuration", ServerConfiguration()))
        return k8s.core.v1.PodSpecArgs(
            automount_service_account_token=False,
            node_selector={**args.get("node_selector", {}), **gpu.node_selector},
            runtime_class_name=gpu.runtime_class,
            resource_claims=list(gpu.claims) or None,
            security_context=pod_security(SERVER_UID, SERVER_UID, more_groups=gpu.groups),
            termination_grace_period_seconds=SHUTDOWN_SECONDS,
            affinity=_one_per_node(args["instance"]),
            init_containers=[*_schema_checks(args), *prepared.init_containers],
            containers=[
                server_container(
                    image=args["image"],
                    command=["sh", "-c", START],
                    stores=store_environment(flavor, args.get("database"), args.get("lease_store")),
                    published_url=args.get("published_url"),
                    volume_mounts=[
                        *mounts,
                        *prepared.mounts,
                        *(mount(volume["name"], volume["mount_path"]) for volume in args["pod_volumes"]),
                    ],
                    resources=resources(
                        needs.get("requests"),
                        {**needs.get("limits", {}), **gpu.limits},
                        claims=[claim.name for claim in gpu.claims],
                    ),
                    gpu=gpu,
                    startup_probe=_ping(prefix, period=2, failures=STARTUP_SECONDS // 2),
                    liveness_probe=_ping(prefix, period=10, failures=6),
                    readiness_probe=exec_probe(["sh", "-c", ready(flavor, prefix)], period=2, failures=2),
                    lifecycle=k8s.core.v1.LifecycleArgs(
                        pre_stop=k8s.core.v1.LifecycleHandlerArgs(
                            exec_=k8s.core.v1.ExecActionArgs(command=["sleep", str(DRAIN_SECONDS)])
                        )
                    ),
                )
            ],
            volumes=[*volumes, *prepared.volumes, *scratch_volumes(), *gpu.volumes],
        )


def _schema_checks(args: JellyfinServerArgs) -> list[k8s.core.v1.ContainerArgs]:
    if "schema_check_image" not in args or "database" not in args:
        return []
    check = schema_check(
        server_image=args["image"],
        database_image=args["schema_check_image"],
        database_secret=args["database"]["secret_name"],
    )
    return [check]


def _ping(prefix: str, *, period: int, failures: int) -> k8s.core.v1.ProbeArgs:
    return k8s.core.v1.ProbeArgs(
        http_get=k8s.core.v1.HTTPGetActionArgs(path=f"{prefix}/System/Ping", port="http"),
        period_seconds=period,
        failure_threshold=failures,
        timeout_seconds=5,
    )


def _one_per_node(instance: str) -> k8s.core.v1.AffinityArgs:
    return k8s.core.v1.AffinityArgs(
        pod_anti_affinity=k8s.core.v1.PodAntiAffinityArgs(
            required_during_scheduling_ignored_during_execution=[
                k8s.core.v1.PodAffinityTermArgs(
                    label_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=selector("web", instance)),
                    topology_key="kubernetes.io/hostname",
                )
            ]
        )
    )
