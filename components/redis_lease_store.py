"""Redis as the store of leases."""

from typing import NotRequired

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from .common import (
    child,
    claim_volume,
    container_security,
    exec_probe,
    fingerprint,
    metadata,
    mount,
    own_claim,
    pod_security,
    resources,
    secret_environment,
    selector,
)
from .types import ClaimNeeds, Placed

PORT = 6379
PASSWORD_LENGTH = 32

# The uid and gid of user redis in the Debian variants of the official image.
REDIS_UID = 999

# A rewrite of the append-only file forks: in the worst case every page is copied while it runs.
MAXMEMORY_SHARE = 0.5

DEFAULT_MEMORY_MIB = 256

CONFIG_FOLDER = "/etc/redis"

SETTINGS = """\
port {port}
dir /data
# A lease that was granted must survive a crash: each write is on disk before it is acknowledged.
appendonly yes
appendfsync always
save ""
# Never make room by forgetting a lease; refuse the write instead.
maxmemory {maxmemory}mb
maxmemory-policy noeviction
tcp-keepalive 10
"""


class RedisLeaseStoreArgs(Placed):
    """What RedisLeaseStore takes."""

    image: pulumi.Input[str]
    """An image that keeps the contract of redis:8 (command, data path, uid)."""

    storage: ClaimNeeds
    """The volume of the append-only file."""

    memory_mib: NotRequired[int]
    """The container's memory limit in MiB, 256 when absent; maxmemory is half of it."""


class RedisLeaseStore(pulumi.ComponentResource):
    """One Redis that never forgets a lease (`jellyfin-ha:index:RedisLeaseStore`).

    Makes a random password, the Secrets `<name>-credentials` (REDIS_PASSWORD, REDIS_URL) and `<name>-config`
    (redis.conf), the headless Service `<name>`, the protected claim `data-<name>-0` and the StatefulSet `<name>`
    of one pod.

    Redis asks for the password, evicts nothing, and writes every change to its append-only file before it
    answers, so that a restart loses no lease and no fencing counter. While it is away nobody can win a lease;
    servers that hold one go on until it ends.
    """

    credentials_secret: pulumi.Output[str]
    """The name of the Secret with the credentials."""

    host: pulumi.Output[str]
    """The Service's DNS name inside the cluster."""

    port: pulumi.Output[int]
    """The Service's port."""

    memory_limit_bytes: pulumi.Output[int]
    """The container's memory limit, which maxmemory must stay below."""

    def __init__(self, name: str, args: RedisLeaseStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jellyfin-ha:index:RedisLeaseStore", name, {}, opts)
        namespace, instance = args["namespace"], args["instance"]
        memory = args.get("memory_mib", DEFAULT_MEMORY_MIB)
        host = pulumi.Output.concat(name, ".", namespace, ".svc.cluster.local")
        password = random.RandomPassword(f"{name}-password", length=PASSWORD_LENGTH, special=False, opts=child(self))
        credentials = k8s.core.v1.Secret(
            f"{name}-credentials",
            metadata=metadata(f"{name}-credentials", namespace, "lease-store", instance),
            string_data={
                "REDIS_PASSWORD": password.result,
                "REDIS_URL": pulumi.Output.concat("redis://:", password.result, "@", host, f":{PORT}/0"),
            },
            opts=child(self),
        )
        settings = SETTINGS.format(port=PORT, maxmemory=int(memory * MAXMEMORY_SHARE))
        # In a Secret, not on the command line, which every process listing on the node shows.
        config = k8s.core.v1.Secret(
            f"{name}-config",
            metadata=metadata(f"{name}-config", namespace, "lease-store", instance),
            string_data={
                "redis.conf": pulumi.Output.concat(settings, "requirepass ", password.result, "\n"),
            },
            opts=child(self),
        )
        meta = metadata(name, namespace, "lease-store", instance)
        service = k8s.core.v1.Service(
            name,
            metadata=meta,
            spec=k8s.core.v1.ServiceSpecArgs(
                cluster_ip="None",
                selector=selector("lease-store", instance),
                ports=[k8s.core.v1.ServicePortArgs(name="redis", port=PORT)],
            ),
            opts=child(self),
        )
        claim = own_claim(self, f"data-{name}-0", args["storage"], part="lease-store", args=args)
        k8s.apps.v1.StatefulSet(
            name,
            metadata=meta,
            spec=k8s.apps.v1.StatefulSetSpecArgs(
                replicas=1,
                service_name=name,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=selector("lease-store", instance)),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(
                        labels=meta.labels,
                        # Redis reads its file once: other settings, or another password, mean another pod.
                        annotations={"jellyfin-ha/settings": fingerprint(settings, password.result)},
                    ),
                    spec=self._pod(args, memory, name),
                ),
            ),
            # By name, not by output: a provider that replaces a Secret would replace the StatefulSet with it.
            opts=child(self, depends_on=[credentials, config, service, claim]),
        )
        self.credentials_secret = credentials.metadata.name
        self.host = host
        self.port = pulumi.Output.from_input(PORT)
        self.memory_limit_bytes = pulumi.Output.from_input(memory * 2**20)
        self.register_outputs(
            {
                "credentials_secret": self.credentials_secret,
                "host": self.host,
                "port": self.port,
                "memory_limit_bytes": self.memory_limit_bytes,
            }
        )

    def _pod(self, args: RedisLeaseStoreArgs, memory_mib: int, name: str) -> k8s.core.v1.PodSpecArgs:
        # redis-cli takes the password from REDISCLI_AUTH; it exits with 0 also when it is answered an error.
        probe = ["sh", "-c", f'test "$(REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -p {PORT} ping)" = PONG']
        return k8s.core.v1.PodSpecArgs(
            automount_service_account_token=False,
            node_selector=args.get("node_selector"),
            security_context=pod_security(REDIS_UID, REDIS_UID),
            containers=[
                k8s.core.v1.ContainerArgs(
                    name="redis",
                    image=args["image"],
                    args=["redis-server", f"{CONFIG_FOLDER}/redis.conf"],
                    env=secret_environment(f"{name}-credentials", ("REDIS_PASSWORD",)),
                    ports=[k8s.core.v1.ContainerPortArgs(name="redis", container_port=PORT)],
                    resources=resources({"cpu": "25m", "memory": "64Mi"}, {"memory": f"{memory_mib}Mi"}),
                    security_context=container_security(),
                    startup_probe=exec_probe(probe, period=1, failures=300),
                    liveness_probe=exec_probe(probe, period=15, failures=4),
                    readiness_probe=exec_probe(probe, period=5, failures=2),
                    volume_mounts=[mount("data", "/data"), mount("config", CONFIG_FOLDER)],
                )
            ],
            volumes=[
                claim_volume("data", f"data-{name}-0"),
                k8s.core.v1.VolumeArgs(
                    name="config", secret=k8s.core.v1.SecretVolumeSourceArgs(secret_name=f"{name}-config")
                ),
            ],
        )
