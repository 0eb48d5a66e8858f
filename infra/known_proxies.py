"""Whom the server believes when they say for whom they ask."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator

# The widest network that a cluster's pods can have: kube-controller-manager gives each node a /24 (IPv6: a /64) and
# refuses a cluster network that is more than 16 bits wider. Nobody's proxies need more.
WIDEST_PREFIX = {4: 8, 6: 48}


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f"expected an IP address or a network such as 10.42.0.0/16: {error}") from None
    widest = WIDEST_PREFIX[network.version]
    if network.prefixlen < widest:
        raise ValueError(
            f"expected the proxies' own addresses, in networks of /{widest} or narrower: "
            "whoever is in them can claim any address, and from one of your home network /System/Restart takes no token"
        )
    return value


KnownProxy = Annotated[str, AfterValidator(_network)]
"""An address or network of proxies."""
