"""What the server's container needs wherever it runs: in the replicas and in the schema upgrade."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from .common import DATABASE_VARIABLES, container_security, empty_dir, mount, secret_environment
from .gpu import PodGpu
from .types import SharedVolume

PORT = 8096
HEALTH_URL = f"http://127.0.0.1:{PORT}/health"

# The user that the pods run as; shared folders must be writable for it.
SERVER_UID = 1000

CONFIG = "/config"
CACHE = "/data/cache"
TRANSCODE = "/data/transcode"
LOG = "/data/log"

# While a server starts or migrates, /health answers 200 with the body "Degraded": only the body tells.
HEALTHY = ["sh", "-c", f'test "$(curl --silent --max-time 4 {HEALTH_URL})" = Healthy']


def server_container(
    *,
    image: pulumi.Input[str],
    database_secret: pulumi.Input[str],
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
    """
    variable = k8s.core.v1.EnvVarArgs
    gpu = gpu or PodGpu()
    return k8s.core.v1.ContainerArgs(
        name="jellyfin",
        image=image,
        restart_policy=restart_policy,
        env=[
            *secret_environment(database_secret, DATABASE_VARIABLES),
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
