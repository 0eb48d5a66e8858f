"""PostgreSQL as a StatefulSet of one."""

from typing import NotRequired

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from .common import (
    child,
    claim_volume,
    container_security,
    empty_dir,
    exec_probe,
    fingerprint,
    memory_dir,
    metadata,
    mount,
    own_claim,
    pod_security,
    resources,
    secret_environment,
    selector,
)
from .types import ClaimNeeds, Placed, ResourceNeeds

PORT = 5432
DATABASE = USER = "jellyfin"
PASSWORD_LENGTH = 32
DATA = "/var/lib/postgresql/data"

# PostgreSQL's fast shutdown ends with a checkpoint; a kill before it means crash recovery at the next start.
SHUTDOWN_SECONDS = 120

# Crash recovery of a large database answers "starting up" for minutes.
RECOVERY_SECONDS = 30 * 60

# The uid and gid of user postgres in the Debian variants of the official image.
POSTGRES_UID = 999

# Data that is there already answers to the password it was made with: volumes outlive stacks, and passwords change.
# Single-user mode asks nobody for a password, and nothing else can run on the data meanwhile. What fails is not
# logged with its statement, which holds the password.
SET_PASSWORD = """\
set -eu
[ -s "$PGDATA/PG_VERSION" ] || exit 0
chmod 0700 "$PGDATA" 2>/dev/null || true
quoted=$(printf %s "$POSTGRES_PASSWORD" | sed "s/'/''/g")
printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$POSTGRES_USER" "$quoted" |
  postgres --single -D "$PGDATA" -c exit_on_error=on -c log_statement=none -c log_min_duration_statement=-1 \
    -c log_min_error_statement=panic "$POSTGRES_DB" >/dev/null
echo "the password of $POSTGRES_USER is that of the Secret"
"""


class PostgresDatabaseArgs(Placed):
    """What PostgresDatabase takes."""

    image: pulumi.Input[str]
    """An image that keeps the contract of postgres:17 (environment, data path, uid)."""

    storage: ClaimNeeds
    """The volume of the data."""

    resources: NotRequired[ResourceNeeds]
    """CPU and memory; the cluster's defaults when absent."""

    uid: NotRequired[pulumi.Input[int]]
    """User and group id of the image's database user: 999 when absent, 70 in the Alpine variants."""

    max_connections: NotRequired[pulumi.Input[int]]
    """PostgreSQL's max_connections; 100, its own default, when absent."""


class PostgresDatabase(pulumi.ComponentResource):
    """One PostgreSQL with its own volume, password and Service (`jellyfin-ha:index:PostgresDatabase`).

    Makes a random password, the Secret `<name>-credentials` (POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB,
    POSTGRES_USER, POSTGRES_PASSWORD, DATABASE_URL), the headless Service `<name>`, the claim `data-<name>-0` and
    the StatefulSet `<name>` of one pod.

    The claim is protected: a change that would replace or delete it is refused at preview. Whenever the pod is
    made, data that is there already gets the Secret's password, so that a volume that outlived its stack, or came
    from a backup, can be used. A pod that cannot do that does not start; its init container's log says why.
    When the pod's node dies the database is away until the node is back or the pod is deleted by hand.
    """

    credentials_secret: pulumi.Output[str]
    """The name of the Secret with the credentials."""

    credentials_version: pulumi.Output[str]
    """Changes when the credentials do."""

    host: pulumi.Output[str]
    """The Service's DNS name inside the cluster."""

    port: pulumi.Output[int]
    """The Service's port."""

    def __init__(self, name: str, args: PostgresDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jellyfin-ha:index:PostgresDatabase", name, {}, opts)
        namespace, instance = args["namespace"], args["instance"]
        meta = metadata(name, namespace, "database", instance)
        host = pulumi.Output.concat(name, ".", namespace, ".svc.cluster.local")

        # No special characters: the password stands in a URL and in shell commands of runbooks.
        password = random.RandomPassword(f"{name}-password", length=PASSWORD_LENGTH, special=False, opts=child(self))
        version = fingerprint(password.result)
        url = pulumi.Output.concat("postgresql://", USER, ":", password.result, "@", host, f":{PORT}/", DATABASE)
        credentials = k8s.core.v1.Secret(
            f"{name}-credentials",
            metadata=metadata(f"{name}-credentials", namespace, "database", instance),
            string_data={
                "POSTGRES_HOST": host,
                "POSTGRES_PORT": str(PORT),
                "POSTGRES_DB": DATABASE,
                "POSTGRES_USER": USER,
                "POSTGRES_PASSWORD": password.result,
                "DATABASE_URL": url,
            },
            opts=child(self),
        )
        service = k8s.core.v1.Service(
            name,
            metadata=meta,
            spec=k8s.core.v1.ServiceSpecArgs(
                cluster_ip="None",
                selector=selector("database", instance),
                ports=[k8s.core.v1.ServicePortArgs(name="postgres", port=PORT)],
            ),
            opts=child(self),
        )
        claim = own_claim(self, f"data-{name}-0", args["storage"], part="database", args=args)
        k8s.apps.v1.StatefulSet(
            name,
            metadata=meta,
            spec=k8s.apps.v1.StatefulSetSpecArgs(
                replicas=1,
                service_name=name,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=selector("database", instance)),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(
                        labels=meta.labels, annotations={"jellyfin-ha/credentials": version}
                    ),
                    spec=self._pod(args, f"{name}-credentials", f"data-{name}-0"),
                ),
            ),
            # By name, not by output: a provider that replaces a Secret would replace the StatefulSet with it.
            opts=child(self, depends_on=[credentials, service, claim], timeout=f"{RECOVERY_SECONDS + 300}s"),
        )
        self.credentials_secret = credentials.metadata.name
        self.credentials_version = version
        self.host = host
        self.port = pulumi.Output.from_input(PORT)
        self.register_outputs(
            {
                "credentials_secret": self.credentials_secret,
                "credentials_version": self.credentials_version,
                "host": self.host,
                "port": self.port,
            }
        )

    def _pod(self, args: PostgresDatabaseArgs, secret: str, claim: str) -> k8s.core.v1.PodSpecArgs:
        uid = args.get("uid", POSTGRES_UID)
        # Over TCP: during the first start the image runs a server that listens on its socket alone.
        ready = ["pg_isready", "--host=127.0.0.1", f"--username={USER}", f"--dbname={DATABASE}"]
        given = args.get("resources", ResourceNeeds())
        needs = resources(given.get("requests"), given.get("limits"))
        environment = [
            *secret_environment(secret, ("POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD")),
            # A folder below the mount point: some volumes come with a lost+found at their root.
            k8s.core.v1.EnvVarArgs(name="PGDATA", value=f"{DATA}/pgdata"),
        ]
        mounts = [
            mount("data", DATA),
            mount("run", "/var/run/postgresql"),
            mount("shm", "/dev/shm"),
            mount("tmp", "/tmp"),
        ]
        return k8s.core.v1.PodSpecArgs(
            automount_service_account_token=False,
            node_selector=args.get("node_selector"),
            security_context=pod_security(uid, uid),
            termination_grace_period_seconds=SHUTDOWN_SECONDS,
            init_containers=[
                k8s.core.v1.ContainerArgs(
                    name="set-password",
                    image=args["image"],
                    command=["sh", "-c", SET_PASSWORD],
                    env=environment,
                    resources=needs,
                    security_context=container_security(),
                    volume_mounts=mounts,
                )
            ],
            containers=[
                k8s.core.v1.ContainerArgs(
                    name="postgres",
                    image=args["image"],
                    args=[
                        "postgres",
                        "-c",
                        pulumi.Output.concat(
                            "max_connections=",
                            pulumi.Output.from_input(args.get("max_connections", 100)).apply(str),
                        ),
                    ],
                    env=[
                        *environment,
                        # The image trusts the pod's loopback by default, and with it every port-forward.
                        k8s.core.v1.EnvVarArgs(name="POSTGRES_INITDB_ARGS", value="--auth-host=scram-sha-256"),
                    ],
                    ports=[k8s.core.v1.ContainerPortArgs(name="postgres", container_port=PORT)],
                    resources=needs,
                    security_context=container_security(),
                    startup_probe=exec_probe(ready, period=2, failures=RECOVERY_SECONDS // 2),
                    liveness_probe=exec_probe(ready, period=20, failures=3),
                    readiness_probe=exec_probe(ready, period=5, failures=3),
                    volume_mounts=mounts,
                )
            ],
            volumes=[claim_volume("data", claim), empty_dir("run"), empty_dir("tmp"), memory_dir("shm")],
        )
