"""What of a lab is still there, in words; a stopped lab has none of it."""

from ..instance import Instance
from . import cgroups, firewall, mounts, network, processes


def find(instance: Instance) -> list[str]:
    """Processes, interfaces, firewall rules, cgroups and mounts of this lab, and of no other."""
    return [
        *(f"process {p.pid} ({p.name}: {p.program})" for p in processes.scan(instance)),
        *(f"interface {link}" for link in network.links(instance)),
        *(f"firewall rule {rule}" for rule in firewall.existing(instance)),
        *(f"cgroup {path}" for node in instance.node_names for path in cgroups.existing(instance, node)),
        *(f"mount {point}" for point in mounts.below(instance.state / "nodes")),
    ]
