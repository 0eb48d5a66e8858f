"""Whether the kernel has what nodes are made of: found out by making it where nobody sees it."""

import shlex
import tempfile
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from .commands import attempt, failure

# Each in namespaces of its own, which end with it and take along what it made.
_NETWORK = {
    "a network namespace with a bridge": "ip link add b0 type bridge",
    "veth pairs": "ip link add v0 type veth peer name v1",
    "iptables with NAT": "iptables -t nat -A POSTROUTING -j MASQUERADE",
    "iptables' comment, mark and statistic matches": (
        "iptables -t nat -A POSTROUTING -m comment --comment a -m mark --mark 0x1/0x1 -m statistic --mode random "
        "--probability 0.5 -j RETURN"
    ),
    "iptables' conntrack match": "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    "iptables' recent match (session affinity of Services)": (
        "iptables -t nat -A POSTROUTING -m recent --name a --rcheck --seconds 1 --reap -j RETURN"
    ),
}


def check(place: Path) -> None:
    """Tries every feature.

    Args:
        place: a folder on the file system where the lab will be; nothing stays in it.

    Raises:
        UserError: exit code 2; the first feature that is missing.
    """
    for feature, command in _NETWORK.items():
        _try(feature, "--net", command)
    with tempfile.TemporaryDirectory(prefix=".kernel-check-", dir=place) as folder:
        layers = {name: Path(folder, name) for name in ("lower", "upper", "work", "merged")}
        for layer in layers.values():
            layer.mkdir()
        options = f"lowerdir={layers['lower']},upperdir={layers['upper']},workdir={layers['work']}"
        _try(
            f"overlay mounts on the file system of {place}",
            "--mount",
            shlex.join(["mount", "-t", "overlay", "overlay", "-o", options, str(layers["merged"])]),
        )


def _try(feature: str, namespace: str, command: str) -> None:
    done = attempt("unshare", namespace, "sh", "-c", command)
    if done.returncode != 0:
        raise UserError(
            f"expected a kernel with {feature}, found none: `{command}` says: {failure(done)}. Load the module or use "
            "another kernel; in a container, the container needs all privileges",
            exit_code=2,
        )
