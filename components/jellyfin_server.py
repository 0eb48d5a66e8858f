"""The server's replicas."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from .common import (
    child,
    claim_template,
    container_security,
    empty_dir,
    exec_probe,
    metadata,
    mount,
    pod_security,
    resources,
    selector,
)
from .gpu import GpuArgs, PodGpu, pod_gpu
from .schema_check import schema_check
from .server_pod import CONFIG, HEALTHY, PORT, SERVER_UID, scratch_volumes, server_container, shared_volumes
from .types import DatabaseConnection, Placed, PodVolume, ResourceNeeds, SharedVolume

# Long enough for a server that migrates a large library while it starts; the probe ends as soon as it is up.
STARTUP_SECONDS = 30 * 60

# Kubernetes drops a terminating pod from its Services while it tells the pod to stop: without this pause
# connections still arrive at a server that no longer listens.
DRAIN_SECONDS = 5
SHUTDOWN_SECONDS = 60

# How long a client stays with one replica after its last connection; the longest that is likely to be one evening.
AFFINITY_SECONDS = 3 * 60 * 60

# A change of these would delete the StatefulSet and make it anew, while its claims would keep their size and class.
# Not of the whole list: a volume that becomes an emptyDir, or no longer is one, does need another StatefulSet.
CLAIMS_SPEC = "spec.volumeClaimTemplates[*].spec"


# A new server notes in system.xml that its first user is still to be made, and lets anybody make it. After a
# migration that must not stay so; before one it must, or the server would not set up its new database as a new one.
CLOSE_WIZARD = f"""\
set -eu
file={CONFIG}/config/system.xml
if grep -q '<IsStartupWizardCompleted>true<' "$file"; then exit 0; fi
sed -e 's|<IsStartupWizardCompleted>[^<]*</IsStartupWizardCompleted>||' \\
  -e 's|</ServerConfiguration>|  <IsStartupWizardCompleted>true</IsStartupWizardCompleted>\\n&|' \\
  "$file" > "$file.$HOSTNAME"
grep -q '<IsStartupWizardCompleted>true<' "$file.$HOSTNAME"
mv "$file.$HOSTNAME" "$file"
echo "system.xml: the set-up wizard is closed"
"""


class ServerService(TypedDict):
    """How the Service of the servers is reached."""

    type: NotRequired[pulumi.Input[str]]
    """ClusterIP (when absent), NodePort or LoadBalancer."""

    node_port: NotRequired[pulumi.Input[int]]
    """The port on every node, 30000-32767, for NodePort; chosen by the cluster when absent."""


class JellyfinServerArgs(Placed):
    """What JellyfinServer takes."""

    image: pulumi.Input[str]
    """A Jellyfin image with a PostgreSQL provider."""

    database: DatabaseConnection
    """The database that all replicas share."""

    shared_volumes: list[SharedVolume]
    """The configuration and the media."""

    pod_volumes: list[PodVolume]
    """Transcodes and cache, one of each for every pod. Sizes and classes are used when a claim is made and not again;
    a change to or from `empty_dir` stops all servers and makes them anew."""

    replicas: NotRequired[pulumi.Input[int]]
    """How many servers; 2 when absent, 0 for none yet."""

    published_url: NotRequired[pulumi.Input[str]]
    """The URL under which clients reach the server."""

    service: NotRequired[ServerService]
    """How the Service is reached; a ClusterIP when absent."""

    resources: NotRequired[ResourceNeeds]
    """CPU and memory of each server; the cluster's defaults when absent."""

    gpu: NotRequired[GpuArgs | None]
    """A GPU for each server to transcode with; none when absent or None."""

    schema_check_image: NotRequired[pulumi.Input[str]]
    """An image with psql, such as the database's: a server then starts only when its image's schema upgrade has been
    noted in the database; it starts without a check when absent."""

    close_wizard: NotRequired[bool]
    """Whether a migration brought users, so that nobody may be offered to make the first one; False when absent."""


class JellyfinServer(pulumi.ComponentResource):
    """Jellyfin on as many nodes as it has replicas (`jellyfin-ha:index:JellyfinServer`).

    Makes the StatefulSet `<name>` with its per-pod claims (`<volume>-<name>-N`), the Service `<name>` that keeps
    a client's address on one replica, the headless Service `<name>-pods` and a PodDisruptionBudget; with
    gpu.dra.device_class a ResourceClaimTemplate as well.

    Two replicas never share a node: one stays Pending rather than that. A node drain takes one at a time. When a
    node dies, the Service drops its replica as soon as the cluster notices; new connections go to the other.
    A replica counts as ready when the body of /health is `Healthy`; it is restarted when /System/Ping, which
    needs no database, fails. A replica for which there is no GPU left stays Pending.

    Raises:
        ValueError: `gpu` is no possible choice.
    """

    service_name: pulumi.Output[str]
    """The Service for clients."""

    port: pulumi.Output[int]
    """The Service's port."""

    def __init__(self, name: str, args: JellyfinServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jellyfin-ha:index:JellyfinServer", name, {}, opts)
        namespace, instance = args["namespace"], args["instance"]
        pods = selector("web", instance)
        version = args["database"].get("version")
        meta = metadata(name, namespace, "web", instance)
        gpu = pod_gpu(args.get("gpu"), parent=self, name=name, namespace=namespace, component="web", instance=instance)
        ports = [k8s.core.v1.ServicePortArgs(name="http", port=PORT, target_port="http")]
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
                        annotations={"jellyfin-ha/credentials": version} if version is not None else None,
                    ),
                    spec=self._pod(args, gpu),
                ),
                volume_claim_templates=[
                    claim_template(volume["name"], volume["size"], volume.get("storage_class"))
                    for volume in args["pod_volumes"]
                    if not volume.get("empty_dir", False)
                ],
                # Scaled to 0 for an upgrade, the servers come back to warm caches.
                persistent_volume_claim_retention_policy=k8s.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs(
                    when_deleted="Retain", when_scaled="Retain"
                ),
            ),
            opts=child(
                self,
                depends_on=[headless],
                timeout=f"{STARTUP_SECONDS + 300}s",
                ignore_changes=[CLAIMS_SPEC],
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

    def _pod(self, args: JellyfinServerArgs, gpu: PodGpu) -> k8s.core.v1.PodSpecArgs:
        volumes, mounts = shared_volumes(args["shared_volumes"])
        needs = args.get("resources", ResourceNeeds())
        return k8s.core.v1.PodSpecArgs(
            automount_service_account_token=False,
            node_selector={**args.get("node_selector", {}), **gpu.node_selector},
            runtime_class_name=gpu.runtime_class,
            resource_claims=list(gpu.claims) or None,
            security_context=pod_security(SERVER_UID, SERVER_UID, more_groups=gpu.groups),
            termination_grace_period_seconds=SHUTDOWN_SECONDS,
            affinity=_one_per_node(args["instance"]),
            init_containers=[
                *(
                    [
                        schema_check(
                            server_image=args["image"],
                            database_image=args["schema_check_image"],
                            database_secret=args["database"]["secret_name"],
                        )
                    ]
                    if "schema_check_image" in args
                    else []
                ),
                *([_wizard_closer(args["image"], mounts)] if args.get("close_wizard", False) else []),
            ],
            containers=[
                server_container(
                    image=args["image"],
                    database_secret=args["database"]["secret_name"],
                    published_url=args.get("published_url"),
                    volume_mounts=[
                        *mounts,
                        *(mount(volume["name"], volume["mount_path"]) for volume in args["pod_volumes"]),
                    ],
                    resources=resources(
                        needs.get("requests"),
                        {**needs.get("limits", {}), **gpu.limits},
                        claims=[claim.name for claim in gpu.claims],
                    ),
                    gpu=gpu,
                    startup_probe=_ping(period=2, failures=STARTUP_SECONDS // 2),
                    liveness_probe=_ping(period=10, failures=6),
                    readiness_probe=exec_probe(HEALTHY, period=2, failures=2),
                    lifecycle=k8s.core.v1.LifecycleArgs(
                        pre_stop=k8s.core.v1.LifecycleHandlerArgs(
                            exec_=k8s.core.v1.ExecActionArgs(command=["sleep", str(DRAIN_SECONDS)])
                        )
                    ),
                )
            ],
            volumes=[
                *volumes,
                *scratch_volumes(),
                *(
                    empty_dir(volume["name"], volume["size"])
                    for volume in args["pod_volumes"]
                    if volume.get("empty_dir", False)
                ),
                *gpu.volumes,
            ],
        )


def _wizard_closer(image: pulumi.Input[str], mounts: list[k8s.core.v1.VolumeMountArgs]) -> k8s.core.v1.ContainerArgs:
    return k8s.core.v1.ContainerArgs(
        name="close-wizard",
        image=image,
        command=["sh", "-c", CLOSE_WIZARD],
        security_context=container_security(),
        volume_mounts=mounts,
    )


def _ping(*, period: int, failures: int) -> k8s.core.v1.ProbeArgs:
    return k8s.core.v1.ProbeArgs(
        http_get=k8s.core.v1.HTTPGetActionArgs(path="/System/Ping", port="http"),
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
