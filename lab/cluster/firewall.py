"""Letting a lab's own traffic pass a host firewall that lets nothing pass by itself (Docker's, ufw's)."""

import shlex

from ..instance import Instance
from .commands import attempt, run


def ensure(instance: Instance) -> None:
    """Accepts what comes over the lab's bridge, where the host filters at all."""
    for chain, rule in _rules(instance).items():
        filtered = attempt("iptables", "-S", chain).stdout.split("\n", 1) != [f"-P {chain} ACCEPT", ""]
        if filtered and attempt("iptables", "-C", chain, *rule).returncode != 0:
            run("iptables", "-I", chain, *rule)


def existing(instance: Instance) -> list[str]:
    """The lab's rules that there are, as `iptables -S` prints them."""
    printed = attempt("iptables", "-S").stdout.splitlines()
    return [line for line in printed if instance.bridge in shlex.split(line) and line.startswith("-A")]


def remove(instance: Instance) -> None:
    """Takes the lab's rules out."""
    for line in existing(instance):
        _, *rule = shlex.split(line)
        attempt("iptables", "-D", *rule)


def _rules(instance: Instance) -> dict[str, tuple[str, ...]]:
    bridge = instance.bridge
    return {
        # Nodes and pods reach the API server and the name server.
        "INPUT": ("-i", bridge, "-j", "ACCEPT"),
        # Frames between nodes pass this chain too where bridge-nf-call-iptables is set.
        "FORWARD": ("-i", bridge, "-o", bridge, "-j", "ACCEPT"),
    }
