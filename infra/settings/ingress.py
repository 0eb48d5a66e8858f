"""The settings of how clients from outside the cluster reach the servers."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .base import DnsLabel, DnsName, Model, in_own_words, text
from .rules import exactly_one, given, only_beside

# The widest network that a cluster's pods can have: kube-controller-manager gives each node a /24 (IPv6: a /64) and
# refuses a cluster network that is more than 16 bits wider. Nobody's proxies need more.
WIDEST_PREFIX = {4: 8, 6: 48}


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise in_own_words(f"expected an IP address or a network such as 10.42.0.0/16: {error}") from None
    widest = WIDEST_PREFIX[network.version]
    if network.prefixlen < widest:
        raise in_own_words(
            f"expected the proxies' own addresses, in networks of /{widest} or narrower: "
            "whoever is in them can claim any address, and from one of your home network /System/Restart takes no token"
        )
    return value


KnownProxy = Annotated[
    str,
    text(r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$", "an IP address or a network such as 10.42.0.0/16"),
    AfterValidator(_network),
]


class IssuerSettings(Model):
    """An issuer of cert-manager."""

    name: DnsName
    """Its name."""

    kind: Literal["ClusterIssuer", "Issuer"] = "ClusterIssuer"
    """An `Issuer` stands in the stack's namespace."""


CERTIFICATE_SOURCES = ("issuer", "secretName")
ONE_CERTIFICATE = exactly_one(*CERTIFICATE_SOURCES)


class TlsSettings(Model):
    """Where the certificate comes from."""

    model_config = ONE_CERTIFICATE.config

    issuer: IssuerSettings | None = None
    """An issuer of cert-manager, which must be installed."""

    secret_name: DnsName | None = None
    """A Secret that is there already, in the stack's namespace."""

    @model_validator(mode="after")
    def _one_certificate(self) -> TlsSettings:
        if len(given(self, CERTIFICATE_SOURCES)) != 1:
            raise ONE_CERTIFICATE.broken()
        return self


class TraefikSettings(Model):
    """An IngressRoute of Traefik."""

    type: Literal["traefik"]
    """`traefik` makes an IngressRoute, `ingress` an Ingress, `gateway` HTTPRoutes; it decides about the other keys."""

    affinity: Literal["address", "cookie"] = "address"
    """What keeps a client on one server: with `traefik`, `address` (when absent) or `cookie`; with `ingress`,
    `controller`; with `gateway`, `controller` or `session-persistence`."""

    secure_entry_point: Annotated[str, text(r".", "an entry point's name")] = "websecure"
    """Traefik's entry point for https."""

    plain_entry_point: Annotated[str, text(r".", "an entry point's name")] = "web"
    """Traefik's entry point for http."""

    class_name: DnsName | None = None
    """With `traefik` and `ingress`: the ingress class; the default one when absent."""

    tls: TlsSettings | None = None
    """With `traefik` and `ingress`: where the certificate comes from; the controller's own when absent."""


class PlainSettings(Model):
    """An Ingress of any controller."""

    type: Literal["ingress"]
    """An Ingress."""

    class_name: DnsName | None = None
    """The ingress class; the default one when absent."""

    annotations: dict[str, str] = Field(default_factory=dict)
    """With `ingress`: what the controller is to do beyond an Ingress."""

    affinity: Literal["controller"] | None = None
    """Says that the controller keeps a client on one server."""

    accepts_unprotected_paths: bool = False
    """With `ingress`, which denies no path, it must be `true`; with `gateway`, `true` denies none."""

    tls: TlsSettings | None = None
    """Where the certificate comes from; the controller's own when absent."""


SECTIONS = only_beside("plainSection", "section")


class ParentSettings(Model):
    """A Gateway and its listeners."""

    model_config = SECTIONS.config

    name: DnsName
    """The Gateway."""

    namespace: DnsLabel | None = None
    """Its namespace; the stack's when absent."""

    section: DnsName | None = None
    """Its listener for the URL; all when absent."""

    plain_section: DnsName | None = None
    """Its listener that is sent on to https; none when absent."""

    @model_validator(mode="after")
    def _redirects_from_another(self) -> ParentSettings:
        # Without a section of its own the route would be at both listeners, and redirect both.
        if self.plain_section is not None and self.section is None:
            raise SECTIONS.broken()
        return self


class GatewaySettings(Model):
    """HTTPRoutes of the Gateway API."""

    type: Literal["gateway"]
    """HTTPRoutes."""

    parent: ParentSettings
    """With `gateway`: the Gateway."""

    affinity: Literal["controller", "session-persistence"] | None = None
    """What keeps a client on one server."""

    accepts_unprotected_paths: bool = False
    """Whether no path is denied, for a Gateway without regular expressions."""


IngressSettings = TraefikSettings | PlainSettings | GatewaySettings
