"""What happens in a server's pod before the server starts, in the replicas and in the schema upgrade."""

import hashlib
from dataclasses import dataclass
from typing import NotRequired

import pulumi
import pulumi_kubernetes as k8s

from . import server_config
from .common import child, container_security, empty_dir, metadata, mount
from .server_configuration import DATABASE, ServerConfiguration, declared
from .server_images import DEFAULT_FLAVOR, ServerFlavor, flavor
from .server_pod import CONFIG, OWN
from .server_scripts import OWN_PLUGINS, PLUGINS, copy_plugins
from .types import DatabaseConnection, LeaseStoreConnection, Placed, SharedVolume

PROGRAM = "/program/server_config"
DECLARED = "declared.json"
TOOLS_IMAGE = "python:3.13-alpine"


class ServerArgs(Placed):
    """What every server process needs, wherever it runs."""

    flavor: NotRequired[str]
    """What the image is: sqlite, pgsql-plugin (when absent), zolty-fork or nichols-fork."""

    database: NotRequired[DatabaseConnection]
    """The database that all server processes share; required unless the flavor is sqlite."""

    lease_store: NotRequired[LeaseStoreConnection]
    """Redis, where the forks record their transcodes; they record none when absent."""

    tools_image: NotRequired[pulumi.Input[str]]
    """An image with Python 3.11 or newer as `python3`, with its standard library, in which the folders are prepared;
    python:3.13-alpine when absent."""

    configuration: NotRequired[ServerConfiguration]
    """The declared settings."""


def flavor_of(args: ServerArgs) -> ServerFlavor:
    """The flavor that the arguments name.

    Raises:
        ValueError: there is none of that name.
    """
    return flavor(args.get("flavor", DEFAULT_FLAVOR))


@dataclass(frozen=True)
class Prepared:
    """What a pod needs so that its server starts on prepared folders.

    Args:
        init_containers: in their order, before the server's.
        mounts: of the server's container; they lie over the shared configuration's.
        volumes: behind them.
        fingerprint: changes with the declared settings, which only a new pod takes up.
    """

    init_containers: list[k8s.core.v1.ContainerArgs]
    mounts: list[k8s.core.v1.VolumeMountArgs]
    volumes: list[k8s.core.v1.VolumeArgs]
    fingerprint: str


def prepare_server(
    parent: pulumi.ComponentResource,
    name: str,
    component: str,
    args: ServerArgs,
    image: pulumi.Input[str],
    config: k8s.core.v1.VolumeMountArgs,
) -> Prepared:
    """Makes the ConfigMap `<name>-configuration`, and says what the pod needs.

    With PostgreSQL more than one server may run, so each pod has plugins and a database.xml of its own: a server
    rewrites and deletes files of its plugins at its start, and one that cannot read database.xml writes another that
    names an empty SQLite. The shared database.xml has the same content, for whoever reads it without the pod's copy,
    which is mounted read-only.

    Args:
        parent: the component.
        name: of the component.
        component: the label app.kubernetes.io/component.
        args: the component's.
        image: the server's.
        config: the container's mount of the shared configuration.
    """
    kind = flavor_of(args)
    content = declared(args.get("configuration", ServerConfiguration()), kind)
    configuration = k8s.core.v1.ConfigMap(
        f"{name}-configuration",
        metadata=metadata(f"{name}-configuration", args["namespace"], component, args["instance"]),
        data={**server_config.sources(), DECLARED: content},
        opts=child(parent),
    )
    own = mount("own", OWN)
    configure = k8s.core.v1.ContainerArgs(
        name="configure",
        image=args.get("tools_image", TOOLS_IMAGE),
        command=["python3", "-B", "-m", "server_config", f"{PROGRAM}/{DECLARED}", CONFIG, OWN],
        env=[k8s.core.v1.EnvVarArgs(name="PYTHONPATH", value=PROGRAM.rpartition("/")[0])],
        security_context=container_security(),
        volume_mounts=[config, own, mount("configuration", PROGRAM)],
    )
    plugins = k8s.core.v1.ContainerArgs(
        name="copy-plugins",
        image=image,
        command=["sh", "-c", copy_plugins(kind)],
        security_context=container_security(),
        volume_mounts=[config, own],
    )
    return Prepared(
        # The folders that are mounted over exist before, made by the servers' own user: a network file system
        # may not let the node's root make them.
        init_containers=[plugins, configure] if kind.postgres else [configure],
        mounts=[own, *(_own_of_shared(config.name) if kind.postgres else [])],
        volumes=[
            empty_dir("own"),
            k8s.core.v1.VolumeArgs(
                name="configuration",
                config_map=k8s.core.v1.ConfigMapVolumeSourceArgs(name=configuration.metadata.name),
            ),
        ],
        fingerprint=hashlib.sha256(content.encode()).hexdigest()[:16],
    )


def _own_of_shared(config: pulumi.Input[str]) -> list[k8s.core.v1.VolumeMountArgs]:
    over = k8s.core.v1.VolumeMountArgs
    return [
        over(name="own", mount_path=PLUGINS, sub_path=OWN_PLUGINS.rpartition("/")[2]),
        over(name=config, mount_path=f"{PLUGINS}/configurations", sub_path="plugins/configurations"),
        over(name="own", mount_path=f"{CONFIG}/{DATABASE}", sub_path=DATABASE.rpartition("/")[2], read_only=True),
    ]


def config_mount(shared: list[SharedVolume], mounts: list[k8s.core.v1.VolumeMountArgs]) -> k8s.core.v1.VolumeMountArgs:
    """The mount of the shared configuration among those of `server_pod.shared_volumes`.

    Raises:
        ValueError: no volume is mounted at /config.
    """
    found = [where for volume, where in zip(shared, mounts, strict=True) if volume["mount_path"] == CONFIG]
    if not found:
        raise ValueError(f"shared volumes: expected one at {CONFIG}, found {[v['mount_path'] for v in shared]}")
    return found[0]
