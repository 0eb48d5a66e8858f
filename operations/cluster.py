"""Reaching what runs in a Kubernetes cluster: Secrets, pods, and ports through the API server."""

import asyncio
import base64
import socket
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import kr8s
from kr8s.asyncio import api as connect_api
from kr8s.asyncio.objects import Pod, Secret

from .errors import UserError

CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 30.0
CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class Access:
    """How to reach a cluster and a namespace in it.

    Args:
        namespace: where the deployment lives.
        kubeconfig: a kubeconfig file; $KUBECONFIG, ~/.kube/config or the pod's own account when None.
        context: a context of that file; its current one when None.
    """

    namespace: str
    kubeconfig: str | None = None
    context: str | None = None


@dataclass(frozen=True)
class PodState:
    """What the cluster knows of a pod."""

    name: str
    node: str | None
    ready: bool
    images: tuple[str, ...]


class Cluster:
    """A connection to a cluster. Make it with `Cluster.connect`."""

    def __init__(self, api: kr8s.asyncio.Api, access: Access) -> None:
        self._api = api
        self._namespace = access.namespace

    @classmethod
    async def connect(cls, access: Access) -> "Cluster":
        """Connects and asks the server for its version.

        Raises:
            UserError: exit code 2; no such file or context, or no answer within 10 s.
        """
        if access.kubeconfig is not None and not Path(access.kubeconfig).expanduser().is_file():
            raise UserError(f"expected a kubeconfig file at {access.kubeconfig}, found none", exit_code=2)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                api = await connect_api(
                    kubeconfig=access.kubeconfig, context=access.context, namespace=access.namespace
                )
        # kr8s lets through whatever a malformed kubeconfig or a failing credential plugin raises in it.
        except Exception as error:
            where = f"context {access.context!r}" if access.context else "the current context"
            raise UserError(
                f"expected a Kubernetes API server that answers at {where} of "
                f"{access.kubeconfig or 'the default kubeconfig'}, found: {str(error) or 'no answer within 10 s'}; "
                "check it with `kubectl version`",
                exit_code=2,
            ) from error
        _forget_keys(api)
        api.timeout = REQUEST_SECONDS
        return cls(api, access)

    async def secret(self, name: str) -> dict[str, str]:
        """The decoded values of a Secret.

        Raises:
            UserError: there is none of that name.
        """
        try:
            with _answering():
                secret = await Secret.get(name, namespace=self._namespace, api=self._api)
        except kr8s.NotFoundError:
            raise UserError(
                f"expected the Secret {name} in namespace {self._namespace}, found none: run `pulumi up` first"
            ) from None
        data: Mapping[str, str] = secret.raw.get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    async def pods(self, selector: Mapping[str, str]) -> list[PodState]:
        """The pods with these labels, by name."""
        found = await self._list(selector)
        return sorted((_state(pod) for pod in found), key=lambda pod: pod.name)

    @asynccontextmanager
    async def forward(self, selector: Mapping[str, str], port: int) -> AsyncGenerator[int]:
        """A local port that leads to `port` of one ready pod with these labels, through the API server.

        Raises:
            UserError: no such pod is ready.
        """
        ready = [pod for pod in await self._list(selector) if _state(pod).ready]
        if not ready:
            labels = ",".join(f"{key}={value}" for key, value in selector.items())
            raise UserError(
                f"expected a ready pod with the labels {labels} in namespace {self._namespace}, found none: "
                f"see `kubectl -n {self._namespace} get pods`"
            )
        async with forwarded(ready[0], port) as local:
            yield local

    @asynccontextmanager
    async def forward_to(self, pod: str, port: int) -> AsyncGenerator[int]:
        """A local port that leads to `port` of this pod, through the API server.

        Raises:
            UserError: there is no such pod.
        """
        try:
            with _answering():
                found = await Pod.get(pod, namespace=self._namespace, api=self._api)
        except kr8s.NotFoundError:
            raise UserError(f"expected a pod {pod} in namespace {self._namespace}, found none") from None
        async with forwarded(found, port) as local:
            yield local

    async def _list(self, selector: Mapping[str, str]) -> list[Pod]:
        found = Pod.list(namespace=self._namespace, label_selector=dict(selector), api=self._api)
        with _answering():
            return [pod async for pod in found if isinstance(pod, Pod)]


@contextmanager
def _answering() -> Generator[None]:
    try:
        yield
    except (kr8s.ServerError, kr8s.APITimeoutError, httpx.TransportError) as error:
        raise UserError(
            f"expected the Kubernetes API server to answer, found: {error!r}; see `kubectl get --raw /readyz` and, for "
            "what you may do, `kubectl auth can-i --list`"
        ) from error


def _forget_keys(api: kr8s.asyncio.Api) -> None:
    """Removes the temporary files into which kr8s writes keys that the kubeconfig holds itself; TLS has read them."""
    for name in (api.auth.client_key_file, api.auth.client_cert_file, api.auth.server_ca_file):
        if name is not None and Path(name).parent == Path(tempfile.gettempdir()):
            Path(name).unlink(missing_ok=True)


@asynccontextmanager
async def forwarded(pod: Pod, port: int) -> AsyncGenerator[int]:
    """A port of loopback that leads to `port` of a pod, through the API server."""
    async with pod.portforward(port, local_port=_free_port()) as local:
        yield local
    # kr8s leaves the tasks of closed connections to end by themselves; a loop that ends before them complains aloud.
    left = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "_sync_sockets"]
    if left:
        await asyncio.wait(left, timeout=CLOSE_SECONDS)


def _free_port() -> int:
    """A port that can be listened on: kr8s's own "auto" takes one that somebody connects from for free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _state(pod: Pod) -> PodState:
    status = pod.raw.get("status") or {}
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or []}
    return PodState(
        name=pod.raw["metadata"]["name"],
        node=pod.raw["spec"].get("nodeName"),
        ready=conditions.get("Ready") == "True" and "deletionTimestamp" not in pod.raw["metadata"],
        images=tuple(container["image"] for container in pod.raw["spec"]["containers"]),
    )
