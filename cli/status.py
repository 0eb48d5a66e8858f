"""`jellyfin-ha status`."""

from collections.abc import Mapping

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from jellyfin_ha import __version__
from jellyfin_ha.infra.settings import Settings
from jellyfin_ha.operations.cluster import PodState
from jellyfin_ha.operations.status import DeploymentStatus


def as_json(status: DeploymentStatus, *, stack: str, settings: Settings) -> dict[str, object]:
    """The machine-readable form."""
    return {
        "url": settings.server.url,
        "stack": stack,
        "namespace": settings.namespace,
        "replicas": [
            {"name": pod.name, "node": pod.node, "ready": pod.ready, "role": _role(pod)} for pod in status.servers
        ],
        "leader": status.leases.holder if status.leases else None,
        "database": {"ready": status.database_ready, "mode": "single"},
        "lease_store": {"ready": status.lease_store_ready, "mode": "single"},
        "migration": _migration(status),
        "versions": {"jellyfin-ha": __version__, **status.images},
    }


def show(console: Console, status: DeploymentStatus, *, stack: str, settings: Settings) -> None:
    """The form for people."""
    replicas = Table("replica", "node", "ready", "role", box=None, pad_edge=False, header_style="dim")
    for pod in status.servers:
        replicas.add_row(pod.name, pod.node or "-", _word(pod.ready), _role(pod))
    migration = _migration(status)
    lines = [
        # In brackets stand IPv6 addresses too.
        escape(f"{settings.server.url}  (stack {stack}, namespace {settings.namespace})"),
        replicas if status.servers else f"servers      none, server.replicas is {settings.server.replicas}",
        f"database     {_word(status.database_ready)}",
        f"lease store  {_word(status.lease_store_ready)}",
        f"migration    {migration['state']}, {migration['rows']} rows, {migration['finished_at']}"
        if migration
        else f"migration    {'none' if status.database_ready else 'not known: the database is away'}",
    ]
    console.print(Group(*lines), highlight=False)


def _role(pod: PodState) -> str:
    return "serving" if pod.ready else "unknown"


def _word(ready: bool) -> str:
    return "[green]ready[/]" if ready else "[red]not ready[/]"


def _migration(status: DeploymentStatus) -> Mapping[str, object] | None:
    record = status.migration
    if record is None:
        return None
    return {
        "state": record.state,
        "source_fingerprint": record.source_fingerprint,
        "finished_at": record.finished_at.isoformat(),
        "rows": record.rows,
    }
