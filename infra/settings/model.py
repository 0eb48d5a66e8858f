"""The stack's configuration as one typed model.

Names, rules, defaults and meanings stand here alone: errors, the editors' schema and the reference page are made
from them. A field's docstring is its meaning on that page, as Markdown.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from jellyfin_ha.components.server_images import DEFAULT_FLAVOR
from jellyfin_ha.components.server_preparation import TOOLS_IMAGE

from .base import DnsLabel, Folder, Host, ImageReference, Model, NoTruth, Quantity, Url, none_of_nothing, text
from .gpu import Gpu
from .rules import either_or_nothing, exactly_one, given, not_both, only_with

PROJECT = "jellyfin-ha"


class Resources(Model):
    """CPU and memory of a container."""

    requests: dict[Literal["cpu", "memory"], Quantity] = Field(default_factory=dict)
    """What the scheduler sets aside; CPU in cores or thousandths (`m`). The cluster's default when absent."""

    limits: dict[Literal["cpu", "memory"], Quantity] = Field(default_factory=dict)
    """What the container may use at most. The cluster's default when absent."""


class Claim(Model):
    """A volume of one pod."""

    size: Quantity
    """The volume's size."""

    storage_class: str | None = None
    """Its storage class; the cluster's default when absent."""


class DatabaseClaim(Claim):
    """The volume of the database."""

    size: Quantity = "10Gi"
    """The volume's size."""


class LeaseStoreClaim(Claim):
    """The volume of the lease store."""

    size: Quantity = "1Gi"
    """The volume's size, for Redis's append-only file."""


class Nfs(Model):
    """An NFS export."""

    server: Host
    """The NFS server, as the nodes reach it."""

    path: Folder
    """The exported folder."""

    mount_options: list[str] | None = None
    """In place of `nfsvers=4.1`, `hard`, `noatime`, the options when absent."""


SHARED_SOURCES = ("nfs", "storageClass", "existingClaim", "hostPath")
ONE_SOURCE = exactly_one(*SHARED_SOURCES)


class Shared(Model):
    """A volume of all pods."""

    model_config = ONE_SOURCE.config

    size: Quantity = "10Gi"
    """What its claim asks for. NFS and folders of the nodes do not enforce it."""

    nfs: Nfs | None = None
    """An NFS export, mounted by the nodes themselves."""

    storage_class: str | None = None
    """A class whose volumes several nodes can mount at once."""

    existing_claim: DnsLabel | None = None
    """A claim that is in the namespace already; none is made."""

    host_path: Folder | None = None
    """A folder that is the same on every node, such as a cluster file system."""

    @model_validator(mode="after")
    def _one_source(self) -> Shared:
        if len(given(self, SHARED_SOURCES)) != 1:
            raise ONE_SOURCE.broken()
        return self


class Longhorn(Model):
    """A Longhorn storage class that the stack makes."""

    replicas: Annotated[int, Field(ge=1, le=20), NoTruth] = 1
    """Copies on different nodes (Longhorn's `numberOfReplicas`). What is per pod can be made again: one is enough."""

    data_locality: Literal["disabled", "best-effort", "strict-local"] = "best-effort"
    """Whether a copy is kept on the node that uses it, so that segments do not cross the network."""


ONE_CLASS = not_both("storageClass", "longhorn")


class PerPod(Model):
    """The volumes that each server has for itself."""

    model_config = ONE_CLASS.config

    transcode_size: Quantity = "20Gi"
    """The volume of transcoded segments. Two hours at 8 Mbit/s take 7Gi."""

    cache_size: Quantity = "10Gi"
    """The volume of cached images and metadata."""

    storage_class: str | None = None
    """The storage class of both; the cluster's default when absent."""

    longhorn: Longhorn | None = None
    """Makes a class on Longhorn, which must be installed; `{}` takes its defaults."""

    @model_validator(mode="after")
    def _one_class(self) -> PerPod:
        if self.storage_class is not None and self.longhorn is not None:
            raise ONE_CLASS.broken()
        return self


class Storage(Model):
    """All volumes of the servers."""

    config: Shared
    """Jellyfin's configuration and metadata, which all servers write."""

    media: Shared
    """The films and music, which the servers only read."""

    per_pod: PerPod = PerPod()
    """The volumes that each server has for itself."""


PORT_OF_NODES = only_with("nodePort", "type", "NodePort", "LoadBalancer")


class Service(Model):
    """How clients reach the servers."""

    model_config = PORT_OF_NODES.config

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The Kubernetes Service's type."""

    node_port: Annotated[int, Field(ge=30000, le=32767), NoTruth] | None = None
    """The port on every node, with `NodePort` or `LoadBalancer`; chosen by the cluster when absent."""

    @model_validator(mode="after")
    def _port_of_a_node(self) -> Service:
        if self.node_port is not None and self.type == "ClusterIP":
            raise PORT_OF_NODES.broken()
        return self


class Configuration(Model):
    """Jellyfin's own settings that are declared; what has no value is left to the dashboard."""

    metrics: bool | None = None
    """Whether `/metrics` answers; the dashboard's when absent."""

    quick_connect: bool | None = None
    """Whether Quick Connect is offered; the dashboard's when absent."""

    auto_discovery: bool = False
    """Whether servers answer to broadcasts, which do not reach pods."""


class Server(Model):
    """The Jellyfin servers."""

    image: ImageReference
    """A Jellyfin image of the flavor."""

    flavor: Literal["sqlite", "pgsql-plugin", "zolty-fork", "nichols-fork"] = DEFAULT_FLAVOR
    """What the image is: Jellyfin's own with SQLite, for one server only; the PostgreSQL plugin's; one of the forks'.
    See [server.md](server.md)."""

    configuration: Configuration = Configuration()
    """Jellyfin's own settings that are declared; what has no value is left to the dashboard."""

    url: Url
    """The URL under which clients reach the servers."""

    replicas: Annotated[int, Field(ge=0, le=9), NoTruth] = 2
    """How many servers, each on a node of its own; 0 makes everything but runs none."""

    service: Service = Service()
    """How clients reach the servers."""

    resources: Resources = Resources()
    """CPU and memory of each server."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels a node must have; any node when absent."""

    gpu: Annotated[Gpu | None, BeforeValidator(none_of_nothing)] = None
    """A GPU for each server; `{}` says that there is none. See [gpu.md](gpu.md)."""

    @model_validator(mode="after")
    def _nodes_that_there_can_be(self) -> Server:
        of_gpu = self.gpu.node_selector if self.gpu is not None else {}
        if twice := [label for label, value in of_gpu.items() if self.node_selector.get(label, value) != value]:
            raise ValueError(
                f"expected one value of each label, found two of {', '.join(twice)} in nodeSelector and gpu"
            )
        return self


class Database(Model):
    """PostgreSQL."""

    image: ImageReference = "postgres:17"
    """PostgreSQL; an image that keeps the official one's contract."""

    storage: DatabaseClaim = DatabaseClaim()
    """Its volume."""

    resources: Resources = Resources()
    """CPU and memory."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels a node must have; any node when absent."""

    max_connections: Annotated[int, Field(ge=20, le=10000), NoTruth] = 100
    """PostgreSQL's `max_connections`; its own default."""


class LeaseStore(Model):
    """Redis."""

    image: ImageReference = "redis:8"
    """Redis; an image that keeps the official one's contract."""

    storage: LeaseStoreClaim = LeaseStoreClaim()
    """Its volume."""

    memory_mib: Annotated[int, Field(ge=64, le=65536), NoTruth] = 256
    """The container's memory limit in MiB; Redis itself may use half of it."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels a node must have; any node when absent."""


TO_DO_OR_DONE = either_or_nothing("source", "done")


class Tools(Model):
    """What runs beside the servers."""

    image: ImageReference = TOOLS_IMAGE
    """An image with Python, in which the servers' folders are prepared before they start."""


class Migration(Model):
    """The single server's database that fills a new one."""

    model_config = TO_DO_OR_DONE.config

    source: Annotated[str, text(r".", "the path of a file")] | None = None
    """A `jellyfin.db` that fills the new database once."""

    repair: bool = False
    """Let the migration mend what it can, see [migration.md](migration.md)."""

    done: bool = False
    """`true` in place of `source` once that is done and the file is put away."""

    @model_validator(mode="after")
    def _either(self) -> Migration:
        if (self.source is not None) == self.done:
            raise TO_DO_OR_DONE.broken()
        return self


class Settings(Model):
    """The configuration of one stack, under the prefix `jellyfin-ha:` of its Pulumi.<stack>.yaml."""

    namespace: DnsLabel = "jellyfin"
    """The namespace of everything the stack makes."""

    mode: Literal["active-active"] = "active-active"
    """Both servers serve; a client stays with one by its address."""

    server: Server
    """The Jellyfin servers."""

    storage: Storage
    """The volumes of the servers."""

    database: Database = Database()
    """PostgreSQL, which all servers share."""

    lease_store: LeaseStore = LeaseStore()
    """Redis, which holds the leases."""

    tools: Tools = Tools()
    """What runs beside the servers."""

    migration: Annotated[Migration | None, BeforeValidator(none_of_nothing)] = None
    """The single server's database that fills a new one; `{}` says that there is none, where the lab would take its
    sample."""
