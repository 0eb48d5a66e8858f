"""A real Traefik reads the IngressRoute from the cluster and follows the Service's pods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jellyfin_ha.lab.toolchain import ensure
from jellyfin_ha.operations.progress import silent
from tests.e2e.conftest import Stack
from tests.integration.processes import wait_until
from tests.integration.traefik import TraefikProcess, ingress, manifests, traefik_of_cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

HOST = "films.example.org"
HOUSEHOLD = [f"127.0.0.{number}" for number in range(10, 30)]
ROUTED_SECONDS = 30.0
FAILOVER_SECONDS = 60.0


@pytest.fixture(scope="module")
def front(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikProcess]:
    """The IngressRoute of the component in the stack's namespace, and a Traefik on this machine that reads it."""
    crds = ensure(silent, parts=("ingress",)).bin / "traefik-crds.yml"
    objects = tmp_path_factory.mktemp("ingress") / "objects.json"
    items = manifests(ingress(f"https://{HOST}", namespace="jellyfin"))
    objects.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    stack.kubectl("apply", "--server-side", "--filename", str(crds))
    stack.kubectl("wait", "--for=condition=Established", "--filename", str(crds))
    stack.kubectl("apply", "--validate=strict", "--filename", str(objects))
    try:
        with traefik_of_cluster(Path(stack.access.kubeconfig or ""), "jellyfin", HOST) as running:
            wait_until(lambda: _serves(running), seconds=ROUTED_SECONDS, what="Traefik with the route")
            yield running
    finally:
        stack.kubectl("delete", "--filename", str(objects))
        stack.kubectl("delete", "--filename", str(crds))


def _serves(front: TraefikProcess) -> bool:
    try:
        with front.client() as client:
            return client.get("/System/Ping").status_code == 200
    except httpx.TransportError:
        return False


def _pods(front: TraefikProcess) -> dict[str, str]:
    """The pod's address that each client without cookies is served by, for twenty of them, asked three times each."""
    before = len(front.access_log.splitlines())
    for address in HOUSEHOLD * 3:
        with front.client(address=address) as client:
            assert client.get("/System/Info/Public").status_code == 200
    noted = [json.loads(line) for line in front.access_log.splitlines()[before:]]
    found: dict[str, set[str]] = {}
    for entry in noted:
        found.setdefault(entry["ClientHost"], set()).add(entry["ServiceAddr"])
    assert all(len(pods) == 1 for pods in found.values()), found
    return {address: next(iter(pods)) for address, pods in found.items()}


def test_the_cluster_takes_the_route_and_each_client_stays_with_one_pod(front: TraefikProcess) -> None:
    homes = _pods(front)
    assert sorted(homes) == sorted(HOUSEHOLD)
    assert len(set(homes.values())) == 2, "both replicas have something to do, past the Service's own address"


def test_what_nobody_may_ask_for_is_answered_by_traefik_itself(front: TraefikProcess) -> None:
    with front.client() as client:
        for path in ("/System/Restart", "/emby/system/restart", "/startup/user", "/METRICS"):
            assert client.post(path).status_code == 404
    assert "ServiceAddr" not in json.loads(front.access_log.splitlines()[-1])


def test_http_is_sent_on_to_https(front: TraefikProcess) -> None:
    with front.client(secure=False) as client:
        assert client.get("/web/").headers["location"] == f"https://{HOST}/web/"


def test_when_a_pod_is_killed_its_clients_are_served_by_the_other(stack: Stack, front: TraefikProcess) -> None:
    homes = _pods(front)
    address = stack.kubectl("get", "pod", "jellyfin-0", "--output", "jsonpath={.status.podIP}")
    client = next(client for client, pod in homes.items() if pod.startswith(f"{address}:"))
    stack.kubectl("delete", "pod", "jellyfin-0", "--grace-period=0", "--force", "--wait=false")

    def moved() -> bool:
        try:
            with front.client(address=client) as television:
                served = television.get("/System/Info/Public").status_code == 200
        except httpx.TransportError:
            return False
        return served and not json.loads(front.access_log.splitlines()[-1])["ServiceAddr"].startswith(f"{address}:")

    wait_until(moved, seconds=FAILOVER_SECONDS, what="the other pod serving the client")
    stack.kubectl("wait", "--for=condition=Ready", "pod/jellyfin-0", "--timeout=300s")
