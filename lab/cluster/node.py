"""A node: its namespaces, its cable, and containerd, kubelet and kube-proxy in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance
from . import cgroups, containers, images, network, node_files, pki, processes, sandbox, waiting
from .api import Api
from .images import Image
from .processes import Daemon

ROLE_LABEL = "jellyfin-ha.lab/role"
ROLES = {"n1": "server", "n2": "server", "n3": "single"}

# In the order of their start.
PARTS = ("init", "containerd", "kubelet", "kube-proxy")

READY_SECONDS = 90.0
DAEMON_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Started:
    """What a start did to a node; reports from before then, which the database keeps, no longer count.

    Args:
        kubelet: the moment before its kubelet was started; None when that ran already.
        power: the moment before it was switched on; None when it was on.
    """

    kubelet: datetime | None
    power: datetime | None


def process_names(node: str) -> tuple[str, ...]:
    """The names of a node's processes."""
    return tuple(f"{node}-{part}" for part in PARTS)


def start(
    instance: Instance,
    node: str,
    binaries: Path,
    wanted: Sequence[Image],
    pause: str,
    tell: Callable[[str], None],
) -> Started:
    """Starts what of the node does not run and imports the images it lacks.

    Raises:
        UserError: a part ended at once, or an image could not be imported.
    """
    was_off = sandbox.find_init(instance, node) is None
    power = _now()
    if was_off:
        clean(instance, node)
    cgroups.create(instance, node)
    inside = sandbox.switch_on(instance, node).pid
    network.attach(instance, node, inside)
    containerd, kubelet, proxy = daemons(instance, node, binaries, pause, inside)
    processes.ensure(instance, containerd)
    images.import_missing(inside, node, wanted, tell)
    moment = _now()
    started = processes.ensure(instance, kubelet)
    processes.ensure(instance, proxy)
    return Started(kubelet=moment if started else None, power=power if was_off else None)


def daemons(instance: Instance, node: str, binaries: Path, pause: str, inside: int) -> tuple[Daemon, Daemon, Daemon]:
    """containerd, kubelet and kube-proxy of a node whose pid 1 is `inside`."""
    state, enter = instance.node_state(node), sandbox.enter(inside)
    containerd_config, kubelet_config = state / "containerd.toml", state / "kubelet.yaml"
    return (
        Daemon(
            f"{node}-containerd",
            ("containerd", "--config", str(containerd_config), "--log-level=warn"),
            files={
                containerd_config: node_files.containerd(pause),
                state / "cni" / "10-lab.conflist": node_files.network(instance, node),
            },
            enter=enter,
        ),
        Daemon(
            f"{node}-kubelet",
            (
                str(binaries / "kubelet"),
                f"--config={kubelet_config}",
                f"--kubeconfig={pki.kubeconfig(instance, node)}",
                f"--hostname-override={node}",
                f"--node-ip={instance.node_address(node)}",
                f"--node-labels={ROLE_LABEL}={ROLES[node]}",
            ),
            files={
                kubelet_config: node_files.kubelet(instance, node),
                state / "resolv.conf": node_files.resolver(instance),
            },
            enter=enter,
        ),
        Daemon(
            f"{node}-kube-proxy",
            (
                str(binaries / "kube-proxy"),
                f"--kubeconfig={pki.kubeconfig(instance, 'kube-proxy')}",
                f"--hostname-override={node}",
                "--proxy-mode=iptables",
                f"--cluster-cidr={instance.networks.pods}",
                # 0 leaves the machine's own limits alone; a node could not change them anyway.
                "--oom-score-adj=0",
                "--conntrack-max-per-core=0",
                "--conntrack-tcp-timeout-established=0",
                "--conntrack-tcp-timeout-close-wait=0",
            ),
            enter=enter,
        ),
    )


def wait_ready(instance: Instance, started: Mapping[str, Started]) -> None:
    """Waits until these nodes are Ready and no pod is reported to run that their restart has ended.

    Raises:
        UserError: a node was not Ready within 90 s, or its kubelet ended.
    """
    with Api(instance) as api:

        def ended() -> list[str]:
            return [node for node in started if processes.find(instance, f"{node}-kubelet", "kubelet") is None]

        waiting.until(lambda: not _unready(api, started) or bool(ended()), seconds=READY_SECONDS, poll=0.25)
        late = ended() or _unready(api, started)
    if late:
        log = processes.tail(processes.log_file(instance, f"{late[0]}-kubelet"))
        raise UserError(f"expected {', '.join(late)} to be Ready within {READY_SECONDS:.0f} s; a kubelet says: {log}")


def _unready(api: Api, started: Mapping[str, Started]) -> list[str]:
    always = datetime.fromtimestamp(0, UTC)
    known = {node.metadata.name: node for node in api.nodes()}
    stale = {
        pod.spec.node_name
        for pod in api.pods()
        if (node := started.get(pod.spec.node_name or "")) and node.power and pod.runs_since_before(node.power)
    }

    def ready(name: str, node: Started) -> bool:
        reported = name not in stale and name in known and known[name].ready_since(node.kubelet or always)
        # After a power cut the API server still holds connections to the kubelet of before; asking clears them.
        return reported and (node.kubelet is None or api.reaches(name))

    return [name for name, node in started.items() if not ready(name, node)]


def _now() -> datetime:
    # Reports carry whole seconds.
    return datetime.now(UTC).replace(microsecond=0)


def stop(instance: Instance, nodes: Sequence[str], grace: float) -> None:
    """Switches nodes off in good order: their containers end first, all nodes at once.

    Args:
        grace: seconds that containers get between their stop signal and the end.
    """
    # Kubelets first: they would start again what is stopped here.
    _stop_parts(instance, nodes, "kubelet")
    running = {node: init.pid for node in nodes if (init := sandbox.find_init(instance, node))}
    containers.stop_all(running, grace)
    _stop_parts(instance, nodes, "kube-proxy", "containerd")
    for node in nodes:
        clean(instance, node)


def kill(instance: Instance, node: str) -> None:
    """A power cut: peers hear nothing from the node, not even that its connections are closed."""
    network.cut(instance, node)
    clean(instance, node)


def clean(instance: Instance, node: str) -> None:
    """Ends everything that is still there of a node; what it keeps on disk stays."""
    mine = process_names(node)
    init = sandbox.find_init(instance, node)
    # With pid 1 ends every process in the node, whatever it is; the rest are wrappers outside of it.
    processes.kill([init] if init else [])
    processes.kill(process for process in processes.scan(instance) if process.name in mine)
    network.detach(instance, node)
    cgroups.remove(instance, node)


def _stop_parts(instance: Instance, nodes: Sequence[str], *parts: str) -> None:
    names = {f"{node}-{part}" for node in nodes for part in parts}
    # By the program: containerd's shims carry its mark, and the containers need them until the end.
    processes.stop(
        (p for p in processes.scan(instance) if p.name in names and p.program in parts), seconds=DAEMON_STOP_SECONDS
    )
