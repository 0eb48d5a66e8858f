"""What of a lab runs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance
from . import control_plane, network, node, processes, sandbox
from .api import Api


@dataclass(frozen=True)
class ProcessStatus:
    """One process; pid is None when it does not run."""

    name: str
    pid: int | None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.pid is not None


@dataclass(frozen=True)
class NodeStatus:
    """One node.

    Args:
        address: where its NodePorts are reachable; None before the lab's first start.
        on: whether it has power, so to speak.
        ready: whether the API server takes it for Ready, and it is on.
    """

    name: str
    role: str
    address: str | None
    on: bool
    ready: bool


@dataclass(frozen=True)
class ClusterStatus:
    """A lab.

    Args:
        network: whether its bridge exists.
        api_ready: whether the API server answers that it is ready.
    """

    id: str
    api_url: str | None
    network: bool
    api_ready: bool
    processes: tuple[ProcessStatus, ...]
    nodes: tuple[NodeStatus, ...]

    @property
    def running(self) -> bool:
        """Whether everything is as it should be after a start."""
        return self.api_ready and all(p.running for p in self.processes) and all(n.ready for n in self.nodes)


def process_names(instance: Instance) -> tuple[str, ...]:
    """The names of all processes of a lab, in the order of their start."""
    return (
        *control_plane.NAMES,
        *(name for each in instance.node_names for name in node.process_names(each)),
    )


def logs(instance: Instance, process: str) -> Path:
    """The log of a process since its last start; its predecessor's is `<name>.previous.log` beside it.

    Raises:
        UserError: exit code 2; no such process. 1; it was never started.
    """
    names = process_names(instance)
    if process not in names:
        raise UserError(f"expected a process of the lab ({', '.join(names)}), found {process!r}", exit_code=2)
    log = processes.log_file(instance, process)
    if not log.exists():
        raise UserError(f"expected a log of {process} at {log}, found none: it was never started")
    return log


def status(instance: Instance) -> ClusterStatus:
    """What runs now; root must ask, and a lab that was never started has an answer too."""
    running = {name: _pid(instance, name) for name in process_names(instance)}
    api_ready, ready = _ask_api(instance)
    on = {name: sandbox.find_init(instance, name) is not None for name in instance.node_names}
    return ClusterStatus(
        id=instance.id,
        api_url=instance.api_url if instance.started_once else None,
        network=instance.bridge in network.links(instance),
        api_ready=api_ready,
        processes=tuple(ProcessStatus(name, pid) for name, pid in running.items()),
        nodes=tuple(
            NodeStatus(
                name=name,
                role=node.ROLES[name],
                address=str(instance.node_address(name)) if instance.started_once else None,
                on=on[name],
                ready=on[name] and name in ready,
            )
            for name in instance.node_names
        ),
    )


def _pid(instance: Instance, name: str) -> int | None:
    program = next((part for part in ("containerd", "kubelet", "kube-proxy") if name.endswith(f"-{part}")), name)
    found = processes.find(instance, name, "sleep" if name.endswith("-init") else program)
    return found.pid if found else None


def _ask_api(instance: Instance) -> tuple[bool, set[str]]:
    if not instance.kubeconfig.exists():
        return False, set()
    with Api(instance) as api:
        if not api.ready():
            return False, set()
        always = datetime.fromtimestamp(0, UTC)
        return True, {each.metadata.name for each in api.nodes() if each.ready_since(always)}
