"""Starting and stopping a lab and its nodes."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

from ..instance import Instance
from . import addons, cgroups, control_plane, firewall, leftovers, mounts, network, node, pki, processes, waiting
from .host import check_host, check_root
from .images import Image

# What containers get between their stop signal and the end, when a node or the lab is stopped in good order: long
# enough for a database of the lab to write a checkpoint, short enough for `down` to stay under half a minute.
GRACE_SECONDS = 10.0
CONTROL_PLANE_STOP_SECONDS = 5.0
# The kernel removes the interfaces of a namespace some time after its last process.
SETTLE_SECONDS = 10.0

# The images are large and the disk is one: more at once would not be faster.
NODES_AT_ONCE = 2


def up(instance: Instance, binaries: Path, images: Sequence[Image], pause: str, progress: Progress) -> None:
    """Makes everything of the lab run; what runs already is left alone, what a crash left is removed first.

    Args:
        binaries: the folder with etcd, coredns and the Kubernetes programs.
        images: what every node gets, unless it has it; the pause image is one of them.
        pause: its reference.

    Raises:
        UserError: exit code 2: this machine cannot carry a lab, nothing was made; 1: a part did not start.
    """
    check_host(instance)
    instance.claim_number([route.range for route in network.routes()])
    with instance.locked():
        if cgroups.version() == 2:
            progress("this machine has cgroups of version 2, with which the lab has not been tried", None)
        progress("making the network", 0.0)
        pki.ensure(instance)
        network.ensure_bridge(instance)
        firewall.ensure(instance)
        progress("starting the control plane", 0.05)
        control_plane.start(instance, binaries)
        for name in addons.ensure(instance):
            progress(f"emptied volume {name} and offered it again: its claim was deleted", None)
        started = _start_nodes(instance, instance.node_names, binaries, images, pause, progress)
        progress("waiting for the nodes to be Ready", 0.9)
        node.wait_ready(instance, started)
        progress("the lab is up", 1.0)


def down(instance: Instance, progress: Progress) -> None:
    """Stops everything of the lab in good order and keeps its data.

    Raises:
        UserError: something of it is still there; the message lists it.
    """
    check_root()
    if not instance.state.exists():
        _verify_down(instance)
        return
    with instance.locked():
        _down(instance, progress)


def purge(instance: Instance, progress: Progress) -> None:
    """Stops the lab and removes everything it has kept.

    Raises:
        UserError: something of it still runs, or something is mounted in its folder; nothing was removed.
    """
    check_root()
    if not instance.state.exists():
        _verify_down(instance)
        return
    with instance.locked():
        _down(instance, progress)
        progress(f"removing {instance.state}", 0.9)
        mounts.remove_tree(instance.state)


def node_start(
    instance: Instance, name: str, binaries: Path, images: Sequence[Image], pause: str, progress: Progress
) -> None:
    """Switches a node on and waits until it is Ready; arguments and errors as with `up`.

    Raises:
        UserError: exit code 2: no such node; 1: the lab does not run, or the node does not start.
    """
    with _one_node(instance, name):
        if instance.bridge not in network.links(instance):
            raise UserError(f"expected lab {instance.id} to run, found it stopped: start it first")
        node.wait_ready(instance, _start_nodes(instance, [name], binaries, images, pause, progress))


def node_stop(instance: Instance, name: str, progress: Progress) -> None:
    """Switches a node off in good order: its containers are asked to stop, then it goes.

    Raises:
        UserError: exit code 2; no such node.
    """
    with _one_node(instance, name):
        progress(f"stopping {name}", None)
        node.stop(instance, [name], GRACE_SECONDS)


def node_kill(instance: Instance, name: str) -> None:
    """Cuts a node's power: everything on it ends at once and its peers hear nothing.

    Raises:
        UserError: exit code 2; no such node.
    """
    with _one_node(instance, name):
        node.kill(instance, name)


@contextmanager
def _one_node(instance: Instance, name: str) -> Generator[None]:
    check_root()
    instance.node_index(name)
    if not instance.started_once:
        raise UserError(f"expected lab {instance.id} to run, found that it was never started: start it first")
    with instance.locked():
        yield


def _start_nodes(
    instance: Instance,
    names: Sequence[str],
    binaries: Path,
    images: Sequence[Image],
    pause: str,
    progress: Progress,
) -> dict[str, node.Started]:
    def start(name: str) -> node.Started:
        progress(f"starting {name}", None)
        return node.start(instance, name, binaries, images, pause, lambda message: progress(message, None))

    with ThreadPoolExecutor(NODES_AT_ONCE) as pool:
        return dict(zip(names, pool.map(start, names), strict=True))


def _down(instance: Instance, progress: Progress) -> None:
    # What serves goes before what it stores into, so that it can still save.
    for share, role in ((0.0, "server"), (0.4, "single")):
        names = [name for name in instance.node_names if node.ROLES[name] == role]
        progress(f"stopping {' and '.join(names)}", share)
        node.stop(instance, names, GRACE_SECONDS)
    progress("stopping the control plane", 0.8)
    # etcd last: the others save into it.
    for names in (control_plane.NAMES[2:], control_plane.NAMES[1:2], control_plane.NAMES[:1]):
        mine = [process for process in processes.scan(instance) if process.name in names]
        processes.stop(mine, seconds=CONTROL_PLANE_STOP_SECONDS)
    processes.kill(processes.scan(instance))
    firewall.remove(instance)
    network.remove(instance)
    _verify_down(instance)
    progress("the lab is down", 1.0)


def _verify_down(instance: Instance) -> None:
    if not waiting.until(lambda: not leftovers.find(instance), seconds=SETTLE_SECONDS):
        left = "\n".join(f"  {item}" for item in leftovers.find(instance))
        raise UserError(f"expected nothing of lab {instance.id} to be left, found:\n{left}")
