"""A real Traefik without a cluster: what an IngressRoute says, said in Traefik's own dynamic configuration."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx

from jellyfin_ha.components import TraefikIngress
from jellyfin_ha.lab.toolchain import ensure
from jellyfin_ha.operations.progress import silent
from tests.integration.processes import ProcessFailedError, dying_with_us, end, free_port, wait_until
from tests.unit.engine import Engine
from tests.unit.test_components import run

START_SECONDS = 20.0
ROUTE = "kubernetes:traefik.io/v1alpha1:IngressRoute"
MIDDLEWARE = "kubernetes:traefik.io/v1alpha1:Middleware"

# Traefik ends a request that takes longer than this to arrive: its default of 60 s, made short.
READ_SECONDS = 2


def dynamic(engine: Engine, servers: Sequence[str]) -> dict[str, Any]:
    """The recorded objects, field by field, as Traefik's Kubernetes provider hands them on.

    Args:
        engine: what the component asked for.
        servers: the endpoints of the Service, as URLs.
    """
    routers: dict[str, Any] = {}
    services: dict[str, Any] = {}
    for (token, name), inputs in engine.resources.items():
        if token != ROUTE:
            continue
        (route,) = inputs["spec"]["routes"]
        (service,) = route["services"]
        routers[name] = {
            "entryPoints": inputs["spec"]["entryPoints"],
            "rule": route["match"],
            "priority": int(route.get("priority", 0)),
            "middlewares": [middleware["name"] for middleware in route["middlewares"]],
            "service": name,
            **({"tls": {}} if "tls" in inputs["spec"] else {}),
        }
        balancer = {key: service[key] for key in ("strategy", "sticky") if key in service}
        services[name] = {"loadBalancer": {"servers": [{"url": url} for url in servers], **balancer}}
    middlewares = {name: inputs["spec"] for (token, name), inputs in engine.resources.items() if token == MIDDLEWARE}
    return {"http": {"routers": routers, "services": services, "middlewares": middlewares}}


def manifests(engine: Engine) -> list[dict[str, Any]]:
    """The recorded objects as Kubernetes takes them."""
    return [
        _whole({"apiVersion": inputs["apiVersion"], "kind": inputs["kind"], **inputs})
        for (token, _), inputs in engine.resources.items()
        if token.startswith("kubernetes:")
    ]


def _whole(value: Any) -> Any:
    """The recording engine hands on every number as a float."""
    if isinstance(value, dict):
        return {key: _whole(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) else value


@dataclass
class TraefikProcess:
    """A running Traefik with the entry points web and websecure on loopback, for one host."""

    folder: Path
    host: str
    web: int
    websecure: int

    def client(self, *, address: str = "127.0.0.1", cookies: bool = False, secure: bool = True) -> httpx.Client:
        """A client at an address of its own, which forgets cookies unless told otherwise, as televisions do."""
        scheme, port = ("https", self.websecure) if secure else ("http", self.web)
        return httpx.Client(
            base_url=f"{scheme}://127.0.0.1:{port}",
            headers={"Host": self.host},
            transport=httpx.HTTPTransport(verify=unverified(), local_address=address),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=None if cookies else [])),
            timeout=60,
        )

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text()

    @property
    def access_log(self) -> str:
        """What it has noted of the requests."""
        return (self.folder / "access").read_text()

    def answers(self, path: str) -> bool:
        """Whether it has something for that path at its entry point web."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.web}{path}", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@dataclass
class TraefikWithoutCluster(TraefikProcess):
    """One that is told by a file what a cluster would tell it."""

    engine: Engine
    generation: int = 0

    def give_endpoints(self, servers: Sequence[str]) -> None:
        """Tells it the servers behind the Service, as a cluster does when one comes or goes; returns once it knows."""
        self.generation += 1
        mark = f"/generation-{self.generation}"
        content = dynamic(self.engine, servers)
        content["http"]["routers"]["mark"] = {
            **{"entryPoints": ["web"], "rule": f"Path(`{mark}`)", "service": "ping@internal", "priority": 1000},
        }
        written = self.folder / "written"
        written.write_text(json.dumps(content))
        written.replace(self.folder / "dynamic" / "ingress.yml")
        wait_until(lambda: self.answers(mark), seconds=START_SECONDS, what=f"Traefik with {len(servers)} servers")


def unverified() -> ssl.SSLContext:
    """Takes Traefik's own certificate, which nobody signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def access_log_flags() -> list[str]:
    """What the page says that keeps tokens out of the log."""
    page = Path(__file__).parents[2] / "docs" / "ingress.md"
    return re.findall(r"^    (--accesslog\S+)$", page.read_text(), flags=re.MULTILINE)


def ingress(url: str, more: Mapping[str, Any] | None = None, *, namespace: str = "home") -> Engine:
    """What the component asks Kubernetes for."""
    args: Any = {
        **{"namespace": namespace, "instance": "test", "url": url},
        **{"service_name": "jellyfin", "service_port": 8096, **(more or {})},
    }
    return run(lambda: TraefikIngress("jellyfin", args))


@contextmanager
def traefik(
    servers: Sequence[str], *, url: str = "https://films.example.org:{websecure}", more: Mapping[str, Any] | None = None
) -> Generator[TraefikWithoutCluster]:
    """A Traefik in front of these servers for as long as the block runs; built when the cache has none.

    Args:
        servers: the endpoints of the Service.
        url: of the servers, with `{web}` or `{websecure}` for a port.
        more: further arguments of the component.
    """
    web, websecure = free_port(), free_port()
    engine = ingress(url.format(web=web, websecure=websecure), more)
    with tempfile.TemporaryDirectory(prefix="jellyfin-ha-traefik-") as name:
        folder = Path(name)
        (folder / "dynamic").mkdir()
        host = url.split("/")[2].partition(":")[0]
        running = TraefikWithoutCluster(folder, host, web, websecure, engine)
        with _process(running, [f"--providers.file.directory={folder / 'dynamic'}"]):
            running.give_endpoints(servers)
            yield running


@contextmanager
def traefik_of_cluster(kubeconfig: Path, namespace: str, host: str) -> Generator[TraefikProcess]:
    """A Traefik outside a cluster that reads the IngressRoutes of one of its namespaces.

    Args:
        kubeconfig: with the right to read them; the pods must be reachable from here.
        namespace: the one.
        host: that clients ask for.
    """
    with tempfile.TemporaryDirectory(prefix="jellyfin-ha-traefik-") as name:
        running = TraefikProcess(Path(name), host, free_port(), free_port())
        provider = ["--providers.kubernetescrd=true", f"--providers.kubernetescrd.namespaces={namespace}"]
        with _process(running, provider, {"KUBECONFIG": str(kubeconfig)}):
            yield running


@contextmanager
def _process(
    running: TraefikProcess, provider: list[str], environment: Mapping[str, str] | None = None
) -> Generator[None]:
    entry_points = [
        f"--entryPoints.{entry_point}.{option}"
        for entry_point, port in (("web", running.web), ("websecure", running.websecure))
        for option in (f"address=127.0.0.1:{port}", f"transport.respondingTimeouts.readTimeout={READ_SECONDS}s")
    ]
    command = [
        *dying_with_us(user=None, signal_name="KILL"),
        *(str(ensure(silent, parts=("ingress",)).bin / "traefik"), *provider, *entry_points),
        *("--ping=true", "--ping.manualRouting=true", "--global.checkNewVersion=false"),
        *(f"--accesslog.filepath={running.folder / 'access'}", *access_log_flags()),
    ]
    with (running.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    except TimeoutError as error:
        raise ProcessFailedError(f"{error}; Traefik has said:\n{running.log[-2000:]}") from error
    finally:
        end(process, gently=signal.SIGTERM)
