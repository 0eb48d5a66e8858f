"""Whether this machine can carry a lab; asked before anything is made."""

import os
import shutil
import socket
import sys
from functools import partial
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance, Networks
from . import cgroups, commands, control_plane, kernel, network, node_files, processes, waiting

PROGRAMS = (
    *("containerd", "ctr", "runc", "iptables", "conntrack", "socat", "ip", "ss"),
    *("nsenter", "unshare", "setsid", "mount", "hostname", "env", "sh"),
)

# Measured: three nodes with the images of PostgreSQL, Redis and the reference server unpacked take 5 GB.
NEW_LAB_BYTES = 6_000_000_000
# A lab that has its images needs room for its databases and logs.
KEPT_LAB_BYTES = 1_000_000_000

# A program that was killed this moment keeps its ports until the kernel has cleared it away.
CLOSING_SECONDS = 3.0


def check_host(instance: Instance) -> None:
    """Asks everything that a start relies on; makes nothing.

    Raises:
        UserError: exit code 2; what was expected, what was found, and what to do.
    """
    _check_machine(instance)
    _check_disk(instance)
    cgroups.version()
    running = {process.name for process in processes.scan(instance)}
    _check_ports(str(_check_networks(instance).nodes[1]), running)
    if not running:
        kernel.check(_existing(instance.root))


def check_root() -> None:
    """Everything a lab is made of belongs to root.

    Raises:
        UserError: exit code 2; not on Linux, or not root.
    """
    if sys.platform != "linux":
        raise UserError(
            f"expected Linux, found {sys.platform}: the lab is made of Linux namespaces; use a virtual machine, or an "
            "existing cluster",
            exit_code=2,
        )
    if os.geteuid() != 0:
        raise UserError(
            f"expected to run as root, found user {os.geteuid()}: the lab makes namespaces, bridges and mounts; "
            "use sudo, or an existing cluster",
            exit_code=2,
        )


def _check_machine(instance: Instance) -> None:
    check_root()
    missing = [name for name in PROGRAMS if shutil.which(name, path=commands.PATH) is None]
    if not (Path(node_files.CNI_PLUGINS) / "bridge").exists():
        missing.append(f"{node_files.CNI_PLUGINS}/bridge")
    if missing:
        raise UserError(
            f"expected the programs {', '.join(missing)}, found none of these: `jellyfin-ha lab packages` installs the "
            "Debian packages that hold them",
            exit_code=2,
        )
    if Path("/run") in instance.state.parents:
        raise UserError(
            f"expected a state folder on a disk, found {instance.root}, which is emptied by a restart", exit_code=2
        )


def _check_disk(instance: Instance) -> None:
    needed = KEPT_LAB_BYTES if instance.started_once else NEW_LAB_BYTES
    place = _existing(instance.root)
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UserError(
            f"expected {needed / 1e9:.0f} GB free in {place} for the lab, found {free / 1e9:.1f} GB: make room, or "
            "name another folder in JELLYFIN_HA_STATE",
            exit_code=2,
        )


def _check_networks(instance: Instance) -> Networks:
    """The ranges that the lab has or would get."""
    foreign = [route for route in network.routes() if route.device != instance.bridge]
    mine = Networks.of(instance.next_number([route.range for route in foreign]))
    overlapping = set(mine.overlapping([route.range for route in foreign]))
    taken = sorted({f"{route.range} on {route.device}" for route in foreign if route.range in overlapping})
    if taken:
        raise UserError(
            f"expected the lab's ranges {mine.nodes}, {mine.pods} and {mine.services} to be free, found "
            f"{', '.join(taken)}: stop what uses them, or purge this lab and start it anew (it then takes other "
            "ranges)",
            exit_code=2,
        )
    return mine


def _check_ports(address: str, running: set[str]) -> None:
    wanted = [
        *((socket.SOCK_STREAM, port, name) for port, name in control_plane.TCP_PORTS.items()),
        *((socket.SOCK_DGRAM, port, name) for port, name in control_plane.UDP_PORTS.items()),
    ]
    for kind, port, name in wanted:
        if name in running:
            continue
        if not waiting.until(partial(_free, kind, address, port), seconds=CLOSING_SECONDS):
            raise UserError(
                f"expected port {port} of {address} to be free for {name}, found it taken: {_holder(port)}. Stop that "
                "program, or let it listen on its own address instead of on all",
                exit_code=2,
            )


def _free(kind: socket.SocketKind, address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        # The bridge may not exist yet; who listens on all addresses is in the way all the same.
        probe.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        if kind == socket.SOCK_STREAM:
            # As servers do: connections of a predecessor that linger are not in the way. With UDP it would hide a user.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


# linux/in.h; Python's socket module has no name for it.
_IP_FREEBIND = 15


def _holder(port: int) -> str:
    listed = commands.attempt("ss", "-H", "-tulpn", f"sport = :{port}").stdout.splitlines()
    return "; ".join(" ".join(line.split()) for line in listed) or "by an unknown program"


def _existing(place: Path) -> Path:
    return next(folder for folder in (place, *place.parents) if folder.exists())
