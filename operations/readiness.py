"""Waiting until the servers of a deployment really serve."""

import asyncio
from collections.abc import Mapping

import httpx

from .cluster import Access, Cluster, PodState
from .errors import UserError
from .progress import Progress

SERVER_PORT = 8096
# As long as a server may take to start (components/jellyfin_server.py): it may be migrating a large library.
DEADLINE_SECONDS = 30 * 60.0
ANSWER_SECONDS = 5.0
POLL_SECONDS = 1.0


async def wait_until_serving(
    access: Access,
    selector: Mapping[str, str],
    replicas: int,
    progress: Progress,
    *,
    url: str | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> None:
    """Returns when all replicas, one or more, are ready, each says so and, if a URL is given, clients reach one there.

    What the API server says of a pod can be from before its node was restarted, so each is asked through the API
    server's port-forward as well.

    Raises:
        UserError: they do not within the deadline; the message names those that do not serve.
    """
    cluster = await Cluster.connect(access)
    clock = asyncio.get_running_loop().time
    end = clock() + deadline_seconds
    while True:
        pods = await _known_pods(cluster, selector, progress)
        serving = [pod.name for pod in pods if pod.ready and await _is_healthy(cluster, pod)]
        if len(serving) >= replicas and (url is None or await _says_healthy(url)):
            return
        progress(f"{len(serving)} of {replicas} servers are ready", len(serving) / replicas)
        if clock() > end:
            missing = ", ".join(pod.name for pod in pods if pod.name not in serving) or "all pods"
            raise UserError(
                f"expected {replicas} servers to be ready within {deadline_seconds / 60:.0f} minutes, found "
                f"{len(serving)}; look at {missing}: `kubectl -n {access.namespace} describe pod`"
            )
        await asyncio.sleep(POLL_SECONDS)


async def _known_pods(cluster: Cluster, selector: Mapping[str, str], progress: Progress) -> list[PodState]:
    """The pods; none when the API server does not answer for a moment."""
    try:
        return await cluster.pods(selector)
    except UserError as error:
        progress(str(error))
        return []


async def _is_healthy(cluster: Cluster, pod: PodState) -> bool:
    try:
        async with cluster.forward_to(pod.name, SERVER_PORT) as port:
            return await _says_healthy(f"http://127.0.0.1:{port}")
    except UserError:
        return False


async def _says_healthy(url: str) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{url}/health", timeout=ANSWER_SECONDS)
    except httpx.TransportError:
        return False
    # While a server starts it answers 200 as well, with another body.
    return answer.text == "Healthy"
