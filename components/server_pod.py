"""What the server's container needs wherever it runs: in the replicas and in the schema upgrade."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from .common import DATABASE_VARIABLES, container_security, empty_dir, mount, secret_environment
from .gpu import PodGpu
from .server_images import ServerFlavor
from .types import DatabaseConnection, LeaseStoreConnection, SharedVolume

PORT = 8096

# The user that the pods run as; shared folders must be writable for it.
SERVER_UID = 1000

CONFIG = "/config"
CACHE = "/data/cache"
TRANSCODE = "/data/transcode"
LOG = "/data/log"

# What each pod has of its own of what servers otherwise share, and what its server is held to.
OWN = "/run/jellyfin-ha"

# Npgsql's and StackExchange.Redis's forms; the cluster puts the values in.
CONNECTION_STRING = (
    "Host=$(POSTGRES_HOST);Port=$(POSTGRES_PORT);Database=$(POSTGRES_DB);"
    "Username=$(POSTGRES_USER);Password=$(POSTGRES_PASSWORD)"
)
# Without abortConnect=false a server does not start while Redis is away.
REDIS_OPTIONS = "password=$(REDIS_PASSWORD),abortConnect=false"
# The documented name, without the first word, is not read: Jellyfin drops variables that do not begin with JELLYFIN_.
TRANSCODE_STORE = "JELLYFIN_Jellyfin__TranscodeStore__RedisConnectionString"


def server_container(
    *,
    image: pulumi.Input[str],
    command: Sequence[str],
    stores: Sequence[k8s.core.v1.EnvVarArgs],
    published_url: pulumi.Input[str] | None,
    volume_mounts: Sequence[k8s.core.v1.VolumeMountArgs],
    resources: k8s.core.v1.ResourceRequirementsArgs | None = None,
    startup_probe: k8s.core.v1.ProbeArgs | None = None,
    liveness_probe: k8s.core.v1.ProbeArgs | None = None,
    readiness_probe: k8s.core.v1.ProbeArgs | None = None,
    lifecycle: k8s.core.v1.LifecycleArgs | None = None,
    restart_policy: str | None = None,
    gpu: PodGpu | None = None,
) -> k8s.core.v1.ContainerArgs:
    """The Jellyfin container.

    Logs, cache and temporary files are the pod's own: two servers that write the same files destroy them.

    Args:
        image: the server's.
        command: what it runs in the place of its entry point, which may write to folders that servers share.
        stores: the environment of `store_environment`.
        published_url: under which clients reach the server.
        volume_mounts: besides those that this adds.
        resources, startup_probe, liveness_probe, readiness_probe, lifecycle, restart_policy: as Kubernetes has them.
    """
    variable = k8s.core.v1.EnvVarArgs
    gpu = gpu or PodGpu()
    return k8s.core.v1.ContainerArgs(
        name="jellyfin",
        image=image,
        command=list(command),
        restart_policy=restart_policy,
        env=[
            *stores,
            variable(
                name="JELLYFIN_INSTANCE_ID",
                value_from=k8s.core.v1.EnvVarSourceArgs(
                    field_ref=k8s.core.v1.ObjectFieldSelectorArgs(field_path="metadata.name")
                ),
            ),
            variable(name="JELLYFIN_DATA_DIR", value=CONFIG),
            # Not the data folder itself: the server refuses to start when both are one.
            variable(name="JELLYFIN_CONFIG_DIR", value=f"{CONFIG}/config"),
            variable(name="JELLYFIN_CACHE_DIR", value=CACHE),
            variable(name="JELLYFIN_LOG_DIR", value=LOG),
            # Where the official image has it; the forks' images say so on the command line that is replaced here.
            variable(name="JELLYFIN_WEB_DIR", value="/jellyfin/jellyfin-web"),
            # A pod's network does not change; each restart from the dashboard would leak what listens for it.
            variable(name="JELLYFIN_DetectNetworkChange", value="false"),
            *([variable(name="JELLYFIN_PublishedServerUrl", value=published_url)] if published_url else []),
            *gpu.environment,
        ],
        ports=[k8s.core.v1.ContainerPortArgs(name="http", container_port=PORT)],
        resources=resources,
        security_context=container_security(privileged=gpu.privileged),
        startup_probe=startup_probe,
        liveness_probe=liveness_probe,
        readiness_probe=readiness_probe,
        lifecycle=lifecycle,
        volume_mounts=[*volume_mounts, mount("log", LOG), mount("tmp", "/tmp"), *gpu.mounts],
    )


def store_environment(
    flavor: ServerFlavor, database: DatabaseConnection | None, lease_store: LeaseStoreConnection | None
) -> list[k8s.core.v1.EnvVarArgs]:
    """How a server of this flavor is told where its database and its transcode store are.

    Raises:
        ValueError: it needs a database and none was given.
    """
    if not flavor.postgres:
        return []
    if database is None:
        raise ValueError(f"server flavor {flavor.name}: expected a database, found none")
    variable = k8s.core.v1.EnvVarArgs
    found = secret_environment(database["secret_name"], DATABASE_VARIABLES)
    if flavor.connection_string:
        found.append(variable(name="POSTGRES_CONNECTION_STRING", value=CONNECTION_STRING))
    if flavor.stores_transcodes and lease_store is not None:
        address = pulumi.Output.format("{}:{},{}", lease_store["host"], lease_store["port"], REDIS_OPTIONS)
        found += secret_environment(lease_store["secret_name"], ("REDIS_PASSWORD",))
        found.append(variable(name=TRANSCODE_STORE, value=address))
    return found


def scratch_volumes() -> list[k8s.core.v1.VolumeArgs]:
    """The volumes behind the mounts that server_container adds by itself."""
    return [empty_dir("log"), empty_dir("tmp")]


def shared_volumes(
    shared: Sequence[SharedVolume],
) -> tuple[list[k8s.core.v1.VolumeArgs], list[k8s.core.v1.VolumeMountArgs]]:
    """The pod's volumes and the container's mounts of claims that all replicas share."""
    volumes = [
        k8s.core.v1.VolumeArgs(
            name=f"shared-{index}",
            persistent_volume_claim=k8s.core.v1.PersistentVolumeClaimVolumeSourceArgs(
                claim_name=volume["claim_name"], read_only=volume.get("read_only")
            ),
        )
        for index, volume in enumerate(shared)
    ]
    mounts = [
        k8s.core.v1.VolumeMountArgs(
            name=f"shared-{index}", mount_path=volume["mount_path"], read_only=volume.get("read_only")
        )
        for index, volume in enumerate(shared)
    ]
    return volumes, mounts
