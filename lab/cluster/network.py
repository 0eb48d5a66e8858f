"""The lab's bridge, the nodes' cables and the routes between them."""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import cast

from ..instance import Instance
from .commands import attempt, run

# The default route and those of VPNs (10.0.0.0/8) cover the lab's ranges without using them; the lab's own routes are
# more specific and win.
NARROW = 16


@dataclass(frozen=True)
class Route:
    """A range that the machine reaches, and through which interface."""

    range: IPv4Network
    device: str


def routes() -> list[Route]:
    """The machine's addresses and routes, without those so wide that they say nothing of who is where."""
    listed = cast(list[dict[str, str]], json.loads(run("ip", "-json", "-4", "route", "show") or "[]"))
    found = [Route(IPv4Network(r["dst"]), r.get("dev", "")) for r in listed if r["dst"] != "default"]
    # A bridge without a carrier has an address but, on some kernels, no route.
    addresses = cast(list[dict[str, object]], json.loads(run("ip", "-json", "-4", "address", "show") or "[]"))
    for link in addresses:
        for address in cast(list[dict[str, object]], link.get("addr_info", [])):
            given = IPv4Network((str(address["local"]), int(str(address["prefixlen"]))), strict=False)
            found.append(Route(given, str(link["ifname"])))
    return [route for route in found if route.range.prefixlen >= NARROW]


def links(instance: Instance) -> list[str]:
    """The names of the lab's bridge and veths that exist."""
    listed = cast(list[dict[str, str]], json.loads(run("ip", "-json", "link", "show") or "[]"))
    return [link["ifname"] for link in listed if link.get("ifname", "").startswith(instance.bridge)]


def ensure_bridge(instance: Instance) -> None:
    """Makes the bridge and gives it its address."""
    bridge = instance.bridge
    if bridge not in links(instance):
        run("ip", "link", "add", bridge, "type", "bridge")
    address = f"{instance.bridge_address}/{instance.networks.nodes.prefixlen}"
    # Left to itself a bridge takes its hardware address from its ports: a node that goes would change it, and the
    # others would lose the API server until they ask anew.
    _batch(
        f"link set {bridge} address {_hardware(instance.bridge_address)}",
        f"address replace {address} dev {bridge}",
        f"link set {bridge} up",
    )


def attach(instance: Instance, node: str, pid: int) -> None:
    """Plugs a node in, or checks that it is.

    Args:
        pid: a process in the node's network namespace.
    """
    veth, bridge, address = instance.veth(node), instance.bridge, instance.node_address(node)
    if veth not in links(instance):
        run("ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _batch(f"link set {veth} master {bridge} up")
    others = [name for name in instance.node_names if name != node]
    _batch(
        "link set lo up",
        # The same after a restart, so that peers that remember the node reach it.
        f"link set eth0 address {_hardware(address)}",
        f"address replace {address}/{instance.networks.nodes.prefixlen} dev eth0",
        "link set eth0 up",
        f"route replace default via {instance.bridge_address}",
        *(f"route replace {instance.node_pods(name)} via {instance.node_address(name)}" for name in others),
        inside=pid,
    )
    _batch(f"route replace {instance.node_pods(node)} via {address} dev {bridge}")


def cut(instance: Instance, node: str) -> None:
    """Takes the node's cable out: from here on no peer hears anything of it, not even that its sockets closed."""
    if instance.veth(node) in links(instance):
        run("ip", "link", "set", instance.veth(node), "down")


def detach(instance: Instance, node: str) -> None:
    """Removes the node's cable."""
    _delete(instance.veth(node))


def remove(instance: Instance) -> None:
    """Removes whatever of the lab's network exists."""
    for link in sorted(links(instance), key=lambda name: name == instance.bridge):
        _delete(link)


def _hardware(address: IPv4Address) -> str:
    """A locally administered hardware address that follows from the IP address."""
    return "02:00:" + ":".join(f"{byte:02x}" for byte in address.packed)


def _delete(link: str) -> None:
    # The kernel removes a veth by itself some time after its namespace; that it is gone already is no failure.
    attempt("ip", "link", "delete", link)


def _batch(*commands: str, inside: int | None = None) -> None:
    enter = () if inside is None else ("nsenter", "--target", str(inside), "--net", "--")
    run(*enter, "ip", "-batch", "-", stdin="".join(f"{command}\n" for command in commands))
