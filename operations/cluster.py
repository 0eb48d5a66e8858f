"""Reaching what runs in a Kubernetes cluster: Secrets, pods, and ports through the API server."""

import asyncio
import base64
import io
import socket
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import kr8s
from kr8s.asyncio import api as connect_api
from kr8s.asyncio.objects import Job, Pod, Secret, StatefulSet

from .errors import UserError
from .progress import Progress

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

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
    """What the cluster knows of a pod; one that has ended runs nothing any more."""

    name: str
    node: str | None
    ready: bool
    ended: bool
    images: tuple[str, ...]


@dataclass(frozen=True)
class Workload:
    """A StatefulSet as the cluster knows it.

    Args:
        image: of its first container.
        replicas: how many pods it shall have.
        annotations: of the object.
    """

    image: str
    replicas: int
    annotations: Mapping[str, str]


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

    async def workload(self, name: str) -> Workload | None:
        """A StatefulSet; None when there is none of that name."""
        try:
            with _answering():
                found = (await StatefulSet.get(name, namespace=self._namespace, api=self._api)).raw
        except kr8s.NotFoundError:
            return None
        return Workload(
            image=found["spec"]["template"]["spec"]["containers"][0]["image"],
            replicas=found["spec"]["replicas"],
            annotations=found["metadata"].get("annotations") or {},
        )

    async def scale(self, name: str, replicas: int, annotations: Mapping[str, str | None]) -> None:
        """Give a StatefulSet another number of pods and, in the same step, annotations; None takes one away.

        Raises:
            UserError: there is none of that name.
        """
        try:
            with _answering():
                found = await StatefulSet.get(name, namespace=self._namespace, api=self._api)
                await found.patch({"metadata": {"annotations": annotations}, "spec": {"replicas": replicas}})
        except kr8s.NotFoundError:
            raise UserError(f"expected a StatefulSet {name} in namespace {self._namespace}, found none") from None

    async def suspend_jobs(self, selector: Mapping[str, str]) -> None:
        """Stop Jobs with these labels that have not ended: their pods are deleted."""
        with _answering():
            async for job in Job.list(namespace=self._namespace, label_selector=dict(selector), api=self._api):
                assert isinstance(job, Job)
                ended = {found["type"] for found in job.raw.get("status", {}).get("conditions") or []}
                if not ended & {"Complete", "Failed"}:
                    await job.patch({"spec": {"suspend": True}})

    async def delete_jobs(self, selector: Mapping[str, str]) -> None:
        """Delete all Jobs with these labels, and with them their pods."""
        with _answering():
            async for job in Job.list(namespace=self._namespace, label_selector=dict(selector), api=self._api):
                assert isinstance(job, Job)
                with suppress(kr8s.NotFoundError):
                    await job.delete(propagation_policy="Background")

    async def run(self, selector: Mapping[str, str], script: str, *, progress: Progress, seconds: float) -> str:
        """What a shell script prints in the first container of one ready pod with these labels.

        Args:
            selector: the pod's labels.
            script: for `sh -c`.
            progress: gets each line that it prints to its standard error.
            seconds: how long it may take.

        Raises:
            UserError: no such pod is ready, or the script failed or took too long.
        """
        pod = await self._ready(selector)
        heard = _Lines(progress)
        try:
            with _answering():
                async with asyncio.timeout(seconds):
                    done = await pod.exec(["sh", "-c", script], stderr=heard, check=False)
        except TimeoutError:
            raise UserError(
                f"expected a script in pod {pod.name} to end within {seconds:g} s, found it running"
            ) from None
        if done.returncode:
            raise UserError(f"a script in pod {pod.name} failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    @asynccontextmanager
    async def forward(self, selector: Mapping[str, str], port: int) -> AsyncGenerator[int]:
        """A local port that leads to `port` of one ready pod with these labels, through the API server.

        Raises:
            UserError: no such pod is ready.
        """
        async with forwarded(await self._ready(selector), port) as local:
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

    async def _ready(self, selector: Mapping[str, str]) -> Pod:
        ready = [pod for pod in await self._list(selector) if _state(pod).ready]
        if not ready:
            labels = ",".join(f"{key}={value}" for key, value in selector.items())
            raise UserError(
                f"expected a ready pod with the labels {labels} in namespace {self._namespace}, found none: "
                f"see `kubectl -n {self._namespace} get pods`"
            )
        return ready[0]

    async def _list(self, selector: Mapping[str, str]) -> list[Pod]:
        found = Pod.list(namespace=self._namespace, label_selector=dict(selector), api=self._api)
        with _answering():
            return [pod async for pod in found if isinstance(pod, Pod)]


class _Lines(io.BytesIO):
    """Tells each whole line that is written to it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._rest = b""

    def write(self, data: "ReadableBuffer", /) -> int:
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        for line in lines:
            self._progress(line.decode(errors="replace"))
        return len(bytes(data))


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
        ended=status.get("phase") in ("Succeeded", "Failed"),
        images=tuple(container["image"] for container in pod.raw["spec"]["containers"]),
    )
