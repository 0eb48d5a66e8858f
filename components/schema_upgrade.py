"""The single writer of every schema migration."""

import hashlib

import pulumi
import pulumi_kubernetes as k8s

from .common import child, container_security, empty_dir, metadata, mount, pod_security
from .server_pod import (
    CACHE,
    CONFIG,
    HEALTH_URL,
    SERVER_UID,
    TRANSCODE,
    scratch_volumes,
    server_container,
    shared_volumes,
)
from .types import DatabaseConnection, Placed, SharedVolume

# The first start of a new version may rewrite the whole library; users plan half an hour for large ones.
DEADLINE_SECONDS = 40 * 60

# Tells the server where transcodes go.
ENCODING = f"""\
<?xml version="1.0" encoding="utf-8"?>
<EncodingOptions xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <TranscodingTempPath>{TRANSCODE}</TranscodingTempPath>
</EncodingOptions>
"""

# Only where there is none yet: what people have set since is never overwritten.
FIRST_CONFIGURATION = f"""\
set -eu
mkdir -p {CONFIG}/config
if [ ! -e {CONFIG}/config/encoding.xml ]; then
  cp /first/encoding.xml {CONFIG}/config/encoding.xml.new
  mv {CONFIG}/config/encoding.xml.new {CONFIG}/config/encoding.xml
  echo "encoding.xml: written"
fi
"""

# A server whose migration failed says Unhealthy, and for ten minutes nothing else (Jellyfin.Server, SetupServer); one
# that has started may say it for a moment, while the database does not answer.
UNHEALTHY_SECONDS = 15

WAIT_UNTIL_HEALTHY = f"""\
said=
unhealthy=0
until [ "$said" = Healthy ]; do
  now=$(curl --silent --max-time 5 {HEALTH_URL} || echo "no answer")
  [ "$now" = "$said" ] || echo "the server says: $now"
  said=$now
  case "$said" in Unhealthy*) unhealthy=$((unhealthy + 1)) ;; *) unhealthy=0 ;; esac
  [ "$unhealthy" -lt {UNHEALTHY_SECONDS} ] || exit 1
  [ "$said" = Healthy ] || sleep 1
done
echo "the schema is up to date and the server is healthy"
"""


class SchemaUpgradeArgs(Placed):
    """What SchemaUpgrade takes."""

    image: str
    """The server image whose schema is wanted; it has sh and curl, as the official one does."""

    database: DatabaseConnection
    """Where the schema is."""

    config: SharedVolume
    """The configuration volume that the replicas use."""


class SchemaUpgrade(pulumi.ComponentResource):
    """Runs the server once, alone, until its schema is made or upgraded (`jellyfin-ha:index:SchemaUpgrade`).

    Makes the ConfigMap `<name>` (a first encoding.xml) and the Job `<name>-<hash of the image>`: the server runs
    as a native sidecar (Kubernetes 1.29 or newer), the Job's own container waits until the body of /health is
    `Healthy` and ends, which ends the server. A new image means a new Job; the same image means none.

    Jellyfin migrates its schema at start without a lock against a second process. Make servers depend on this
    component, so that on a new installation none of them runs before it has ended. When it fails, the update
    stops before any server of the new image starts; its pod's log says why, and the next update tries again.
    """

    job_name: pulumi.Output[str]
    """The Job's name."""

    def __init__(self, name: str, args: SchemaUpgradeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jellyfin-ha:index:SchemaUpgrade", name, {}, opts)
        namespace, instance = args["namespace"], args["instance"]
        first = k8s.core.v1.ConfigMap(
            name,
            metadata=metadata(name, namespace, "schema-upgrade", instance),
            data={"encoding.xml": ENCODING},
            opts=child(self),
        )
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
                    spec=self._pod(args, first.metadata.name),
                ),
            ),
            opts=child(self, timeout=f"{DEADLINE_SECONDS + 60}s"),
        )
        self.job_name = job.metadata.name
        self.register_outputs({"job_name": self.job_name})

    def _pod(self, args: SchemaUpgradeArgs, first: pulumi.Output[str]) -> k8s.core.v1.PodSpecArgs:
        volumes, mounts = shared_volumes([args["config"]])
        return k8s.core.v1.PodSpecArgs(
            automount_service_account_token=False,
            restart_policy="Never",
            node_selector=args.get("node_selector"),
            security_context=pod_security(SERVER_UID, SERVER_UID),
            init_containers=[
                k8s.core.v1.ContainerArgs(
                    name="first-configuration",
                    image=args["image"],
                    command=["sh", "-c", FIRST_CONFIGURATION],
                    security_context=container_security(),
                    volume_mounts=[*mounts, mount("first", "/first")],
                ),
                server_container(
                    image=args["image"],
                    database_secret=args["database"]["secret_name"],
                    published_url=None,
                    volume_mounts=[*mounts, mount("cache", CACHE), mount("transcode", TRANSCODE)],
                    restart_policy="Always",
                ),
            ],
            containers=[
                k8s.core.v1.ContainerArgs(
                    name="wait-until-healthy",
                    image=args["image"],
                    command=["sh", "-c", WAIT_UNTIL_HEALTHY],
                    security_context=container_security(),
                )
            ],
            volumes=[
                *volumes,
                *scratch_volumes(),
                empty_dir("cache"),
                empty_dir("transcode"),
                k8s.core.v1.VolumeArgs(name="first", config_map=k8s.core.v1.ConfigMapVolumeSourceArgs(name=first)),
            ],
        )
