"""The single writer of every schema migration."""

import hashlib

import pulumi
import pulumi_kubernetes as k8s

from .common import child, container_security, empty_dir, metadata, mount, pod_security
from .server_configuration import ServerConfiguration, base_url
from .server_pod import (
    CACHE,
    SERVER_UID,
    TRANSCODE,
    scratch_volumes,
    server_container,
    shared_volumes,
    store_environment,
)
from .server_preparation import Prepared, ServerArgs, config_mount, flavor_of, prepare_server
from .server_scripts import START, server_url
from .types import SharedVolume

# The first start of a new version may rewrite the whole library; users plan half an hour for large ones.
DEADLINE_SECONDS = 40 * 60

# A server whose migration failed says Unhealthy, and for ten minutes nothing else (Jellyfin.Server, SetupServer); one
# that has started may say it for a moment, while the database does not answer.
UNHEALTHY_SECONDS = 15

# Placeholder: the server's URL.
WAIT_UNTIL_HEALTHY = """\
said=
unhealthy=0
until [ "$said" = Healthy ]; do
  now=$(curl --silent --max-time 5 {url}/health || echo "no answer")
  [ "$now" = "$said" ] || echo "the server says: $now"
  said=$now
  case "$said" in Unhealthy*) unhealthy=$((unhealthy + 1)) ;; *) unhealthy=0 ;; esac
  [ "$unhealthy" -lt {seconds} ] || exit 1
  [ "$said" = Healthy ] || sleep 1
done
echo "the schema is up to date and the server is healthy"
"""


class SchemaUpgradeArgs(ServerArgs):
    """What SchemaUpgrade takes."""

    image: str
    """The server image whose schema is wanted; it has sh and curl, as the official one does."""

    config: SharedVolume
    """The configuration volume that the replicas use."""


class SchemaUpgrade(pulumi.ComponentResource):
    """Runs the server once, alone, until its schema is made or upgraded (`jellyfin-ha:index:SchemaUpgrade`).

    Makes the ConfigMap `<name>-configuration` and the Job `<name>-<hash of the image>`: its folders are prepared as
    those of the replicas, the server runs as a native sidecar (Kubernetes 1.29 or newer), the Job's own container waits
    until the body of /health is `Healthy` and ends, which ends the server. A new image means a new Job; the same image
    means none.

    Jellyfin migrates its schema at start without a lock against a second process. Make servers depend on this
    component, so that on a new installation none of them runs before it has ended. When it fails, the update
    stops before any server of the new image starts; its pod's log says why, and the next update tries again.
    """

    job_name: pulumi.Output[str]
    """The Job's name."""

    def __init__(self, name: str, args: SchemaUpgradeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jellyfin-ha:index:SchemaUpgrade", name, {}, opts)
        namespace, instance = args["namespace"], args["instance"]
        volumes, mounts = shared_volumes([args["config"]])
        config = config_mount([args["config"]], mounts)
        prepared = prepare_server(self, name, "schema-upgrade", args, args["image"], config)
        job_name = f"{name}-{hashlib.sha256(args['image'].encode()).hexdigest()[:10]}"
        meta = metadata(job_name, namespace, "schema-upgrade", instance)
        job = k8s.batch.v1.Job(
            name,
            # Without this a Job that failed would only be looked at again by the next update, and never run again.
            metadata=metadata(
                job_name,
                namespace,
                "schema-upgrade",
                instance,
                more_annotations={"pulumi.com/replaceUnready": "true"},
            ),
            spec=k8s.batch.v1.JobSpecArgs(
                active_deadline_seconds=DEADLINE_SECONDS,
                # Once: what a failed migration left is put back by whoever made this component, not migrated again.
                backoff_limit=0,
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(labels=meta.labels),
                    spec=self._pod(args, prepared, volumes, mounts),
                ),
            ),
            opts=child(self, timeout=f"{DEADLINE_SECONDS + 60}s"),
        )
        self.job_name = job.metadata.name
        self.register_outputs({"job_name": self.job_name})

    def _pod(
        self,
        args: SchemaUpgradeArgs,
        prepared: Prepared,
        volumes: list[k8s.core.v1.VolumeArgs],
        mounts: list[k8s.core.v1.VolumeMountArgs],
    ) -> k8s.core.v1.PodSpecArgs:
        url = server_url(base_url(args.get("configuration", ServerConfiguration())))
        return k8s.core.v1.PodSpecArgs(
            automount_service_account_token=False,
            restart_policy="Never",
            node_selector=args.get("node_selector"),
            security_context=pod_security(SERVER_UID, SERVER_UID),
            init_containers=[
                *prepared.init_containers,
                server_container(
                    image=args["image"],
                    command=["sh", "-c", START],
                    stores=store_environment(flavor_of(args), args.get("database"), args.get("lease_store")),
                    published_url=None,
                    volume_mounts=[*mounts, *prepared.mounts, mount("cache", CACHE), mount("transcode", TRANSCODE)],
                    restart_policy="Always",
                ),
            ],
            containers=[
                k8s.core.v1.ContainerArgs(
                    name="wait-until-healthy",
                    image=args["image"],
                    command=["sh", "-c", WAIT_UNTIL_HEALTHY.format(url=url, seconds=UNHEALTHY_SECONDS)],
                    security_context=container_security(),
                )
            ],
            volumes=[
                *volumes,
                *prepared.volumes,
                *scratch_volumes(),
                empty_dir("cache"),
                empty_dir("transcode"),
            ],
        )
