"""Whose request it is when proxies stand between."""

import ipaddress
from collections.abc import Sequence

from .config_xml import Network


def client_address(peer: str, forwarded_for: str | None, known_proxies: Sequence[Network]) -> str:
    """The client's address.

    Args:
        peer: the address the connection comes from.
        forwarded_for: the `X-Forwarded-For` header.
        known_proxies: who may speak for others; empty means nobody, and the header is ignored.
    """
    address = peer
    hops = [hop.strip() for hop in (forwarded_for or "").split(",") if hop.strip()]
    while hops and _is_known(address, known_proxies):
        address = hops.pop()
    return address


def _is_known(address: str, known: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in known)
