"""The few requests that the lab itself makes to its API server."""

import ssl
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType

import httpx
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance
from . import pki

REQUEST_SECONDS = 10.0
FIELD_MANAGER = "jellyfin-ha-lab"


class Form(BaseModel):
    """A part of a Kubernetes object that is looked at here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Metadata(Form):
    """Who an object is."""

    name: str


class Condition(Form):
    """A node's condition."""

    type: str
    status: str
    last_heartbeat_time: datetime


class Taint(Form):
    """Keeps pods from a node."""

    key: str


class NodeSpec(Form):
    """What is wanted of a node."""

    taints: list[Taint] = []


class NodeState(Form):
    """What a node says of itself."""

    conditions: list[Condition] = []


class Node(Form):
    """A node as the API server knows it."""

    metadata: Metadata
    spec: NodeSpec
    status: NodeState

    def ready_since(self, moment: datetime) -> bool:
        """Whether its kubelet said Ready at or after `moment` and nothing keeps pods away any more."""
        away = any(taint.key.startswith("node.kubernetes.io/") for taint in self.spec.taints)
        return not away and any(
            c.type == "Ready" and c.status == "True" and c.last_heartbeat_time >= moment for c in self.status.conditions
        )


class Running(Form):
    """Since when a container runs."""

    started_at: datetime


class ContainerState(Form):
    """What a container does; `running` only while it runs."""

    running: Running | None = None


class ContainerStatus(Form):
    """A container as its kubelet reported it."""

    state: ContainerState = ContainerState()


class PodSpec(Form):
    """Where a pod is."""

    node_name: str | None = None


class PodStatus(Form):
    """What its kubelet reported of a pod."""

    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


class Pod(Form):
    """A pod."""

    spec: PodSpec
    status: PodStatus

    def runs_since_before(self, moment: datetime) -> bool:
        """Whether a container is reported to run since before `moment`."""
        reported = (*self.status.container_statuses, *self.status.init_container_statuses)
        return any(each.state.running and each.state.running.started_at < moment for each in reported)


class VolumeState(Form):
    """Whether a volume is free."""

    phase: str = "Pending"


class Volume(Form):
    """A PersistentVolume."""

    metadata: Metadata
    status: VolumeState = VolumeState()


class Api:
    """A connection with all rights; use it as a context manager."""

    def __init__(self, instance: Instance) -> None:
        place = pki.folder(instance)
        trust = ssl.create_default_context(cafile=str(place / f"{pki.CLUSTER_AUTHORITY}.crt"))
        trust.load_cert_chain(place / "admin.crt", place / "admin.key")
        self._client = httpx.Client(base_url=instance.api_url, verify=trust, timeout=REQUEST_SECONDS, trust_env=False)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def ready(self) -> bool:
        """Whether the server says that it can do everything."""
        try:
            return self._client.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def reaches(self, node: str) -> bool:
        """Whether the API server itself reaches the node's kubelet, as it must for logs, exec and port-forward."""
        try:
            return self._client.get(f"/api/v1/nodes/{node}/proxy/healthz").is_success
        except httpx.TransportError:
            return False

    def nodes(self) -> list[Node]:
        """All nodes."""
        return [Node.model_validate(item) for item in self._items("/api/v1/nodes")]

    def pods(self) -> list[Pod]:
        """The pods of all namespaces."""
        return [Pod.model_validate(item) for item in self._items("/api/v1/pods")]

    def volumes(self) -> list[Volume]:
        """All PersistentVolumes."""
        return [Volume.model_validate(item) for item in self._items("/api/v1/persistentvolumes")]

    def apply(self, path: str, manifest: Mapping[str, object]) -> None:
        """Makes the object at `path` what the manifest says (server-side apply)."""
        self._send("application/apply-patch+yaml", path, manifest, force="true", fieldManager=FIELD_MANAGER)

    def merge(self, path: str, patch: Mapping[str, object]) -> None:
        """Lays `patch` over the object at `path`; None removes a field."""
        self._send("application/merge-patch+json", path, patch, fieldManager=FIELD_MANAGER)

    def _send(self, form: str, path: str, content: Mapping[str, object], **parameters: str) -> None:
        headers = {"content-type": form}
        try:
            answer = self._client.patch(path, json=content, headers=headers, params=parameters)
        except httpx.TransportError as error:
            raise UserError(f"expected the lab's API server to take {path}, found: {error!r}") from error
        if answer.is_error:
            raise UserError(f"expected the lab's API server to take {path}, found: {answer.text}")

    def _items(self, path: str) -> list[object]:
        try:
            answer = self._client.get(path)
        except httpx.TransportError as error:
            raise UserError(f"expected the lab's API server to answer for {path}, found: {error!r}") from error
        if answer.is_error:
            raise UserError(f"expected the lab's API server to list {path}, found: {answer.text}")
        return answer.json()["items"]
