"""The argument types that more than one component takes."""

from typing import NotRequired, TypedDict

from pulumi import Input


class Placed(TypedDict):
    """Where a component puts what it makes."""

    namespace: Input[str]
    """The namespace of everything it makes."""

    instance: str
    """The stack, for the label app.kubernetes.io/instance."""

    node_selector: NotRequired[dict[str, Input[str]]]
    """Labels of the nodes that may run its pods; any node when absent."""


class ResourceNeeds(TypedDict):
    """CPU and memory of a container, as Kubernetes quantities ("250m", "512Mi")."""

    requests: NotRequired[dict[str, Input[str]]]
    """What the scheduler sets aside."""

    limits: NotRequired[dict[str, Input[str]]]
    """What the container may use at most."""


class ClaimNeeds(TypedDict):
    """A volume that one pod owns (ReadWriteOnce)."""

    size: Input[str]
    """A Kubernetes quantity, such as "10Gi"."""

    storage_class: NotRequired[Input[str]]
    """The storage class; the cluster's default when absent."""


class SharedVolume(TypedDict):
    """A claim that every replica mounts."""

    claim_name: Input[str]
    """The PersistentVolumeClaim, in the server's namespace."""

    mount_path: Input[str]
    """Where it appears in the container."""

    read_only: NotRequired[Input[bool]]
    """False when absent."""


class PodVolume(TypedDict):
    """A volume of which every replica has one of its own."""

    name: Input[str]
    """The claim template's name; the claims are called "<name>-<pod>"."""

    mount_path: Input[str]
    """Where it appears in the container."""

    size: Input[str]
    """A Kubernetes quantity, such as "20Gi"."""

    storage_class: NotRequired[Input[str | None]]
    """The storage class; the cluster's default when absent or None."""


class DatabaseConnection(TypedDict):
    """Where the PostgreSQL credentials are."""

    secret_name: Input[str]
    """A Secret with POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB, POSTGRES_USER and POSTGRES_PASSWORD."""


class LeaseStoreConnection(TypedDict):
    """Where Redis and its password are."""

    secret_name: Input[str]
    """A Secret with REDIS_PASSWORD."""

    host: Input[str]
    """Its DNS name or address."""

    port: Input[int]
    """Its port."""
