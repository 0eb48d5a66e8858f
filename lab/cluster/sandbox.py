"""A node's own namespaces: the process that holds them, and what it sees of the machine's disk."""

import shlex
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance
from . import processes
from .processes import Daemon, Running

# Folders that a node must not share, by their fixed paths in it, and where the lab keeps them.
KEPT = {
    "/var/lib/kubelet": "kubelet",
    "/var/lib/containerd": "containerd",
    "/var/log/pods": "pod-logs",
    "/var/log/containers": "container-logs",
    "/etc/cni/net.d": "cni",
}
# Emptied by a restart, as on a machine: sockets, network namespaces, addresses handed to pods.
EMPTIED = ("/run", "/var/lib/cni")
# The kubelet sets these for the whole kernel. A node sees them set as it wants, and the machine's stay as they are.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


def init_name(node: str) -> str:
    """The name of the process that is the node's pid 1."""
    return f"{node}-init"


def find_init(instance: Instance, node: str) -> Running | None:
    """The node's pid 1, if the node is on."""
    return processes.find(instance, init_name(node), "sleep")


def enter(pid: int) -> tuple[str, ...]:
    """A command prefix that runs what follows in the node."""
    return ("nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--")


def switch_on(instance: Instance, node: str) -> Running:
    """Makes the node's namespaces, unless they are there, and returns its pid 1.

    The machine keeps empty folders where nodes have mounts of their own (KEPT and EMPTIED); other labs use them too.
    """
    for place in (*KEPT, *EMPTIED):
        Path(place).mkdir(parents=True, exist_ok=True)
    for name in KEPT.values():
        (instance.node_state(node) / name).mkdir(parents=True, exist_ok=True)
    # It only reaps: orphans of the node become its children, and a child of a process that ignores SIGCHLD leaves no
    # zombie. It becomes `sleep` at its end, so a node that is found to be on is one whose mounts are all made.
    init = Daemon(
        init_name(node),
        ("sleep", "infinity"),
        enter=(
            *("unshare", "--mount", "--uts", "--ipc", "--pid", "--net", "--propagation", "slave"),
            *("--fork", "--kill-child", "--mount-proc", "sh", "-euc", _script(instance, node), "init"),
        ),
    )
    processes.ensure(instance, init)
    found = find_init(instance, node)
    if found is None:
        log = processes.tail(processes.log_file(instance, init.name))
        raise UserError(f"expected node {node} to stay on, found that it ended: {log}")
    return found


def _script(instance: Instance, node: str) -> str:
    kept = (
        shlex.join(["mount", "--bind", str(instance.node_state(node) / name), place]) for place, name in KEPT.items()
    )
    return "\n".join(
        [
            *kept,
            # Volumes that the kubelet mounts must be seen by containers that run already.
            "mount --make-shared /var/lib/kubelet",
            *(f"mount -t tmpfs -o mode=755 tmpfs {place}" for place in EMPTIED),
            # The container runtime writes to /var/run/netns, which is /run/netns.
            "mkdir /run/netns /run/containerd",
            *(_pretend(setting, value) for setting, value in KERNEL_SETTINGS.items()),
            f"hostname {node}",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
            'exec env --ignore-signal=CHLD "$@"',
        ]
    )


def _pretend(setting: str, value: int) -> str:
    file, shown = f"/run/{setting.replace('/', '.')}", f"/proc/sys/{setting}"
    return f"if [ -e {shown} ]; then echo {value} > {file}; mount --bind {file} {shown}; fi"
