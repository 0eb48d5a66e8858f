"""A node: its namespaces, its cable, and containerd, kubelet and kube-proxy in it."""

from collections.abc import Callable, Sequence
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
) -> datetime | None:
    """Starts what of the node does not run and imports the images it lacks.

    Returns:
        The moment before its kubelet was started; None when that ran already.

    Raises:
        UserError: a part ended at once, or an image could not be imported.
    """
    if sandbox.find_init(instance, node) is None:
        clean(instance, node)
    cgroups.create(instance, node)
    inside = sandbox.switch_on(instance, node).pid
    network.attach(instance, node, inside)
    containerd, kubelet, proxy = daemons(instance, node, binaries, pause, inside)
    processes.ensure(instance, containerd)
    images.import_missing(inside, node, wanted, tell)
    moment = datetime.now(UTC)
    started = processes.ensure(instance, kubelet)
    processes.ensure(instance, proxy)
    return moment.replace(microsecond=0) if started else None


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


def wait_ready(instance: Instance, since: dict[str, datetime | None]) -> None:
    """Waits until these nodes are Ready.

    Args:
        since: node to the moment after which its report counts: the database may still hold the one from before a
            crash. None: any report counts.

    Raises:
        UserError: a node was not Ready within 90 s, or its kubelet ended.
    """
    always = datetime.fromtimestamp(0, UTC)
    with Api(instance) as api:

        def unready() -> set[str]:
            ready = {n.metadata.name for n in api.nodes() if n.ready_since(since.get(n.metadata.name) or always)}
            return set(since) - ready

        def ended() -> list[str]:
            return [node for node in since if processes.find(instance, f"{node}-kubelet", "kubelet") is None]

        waiting.until(lambda: not unready() or bool(ended()), seconds=READY_SECONDS, poll=0.25)
        late = ended() or sorted(unready())
    if late:
        log = processes.tail(processes.log_file(instance, f"{late[0]}-kubelet"))
        raise UserError(f"expected {', '.join(late)} to be Ready within {READY_SECONDS:.0f} s; a kubelet says: {log}")


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
