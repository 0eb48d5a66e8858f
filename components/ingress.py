"""What the ingresses of all kinds have in common."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from .common import child, metadata
from .public_address import PublicAddress

COMPONENT = "ingress"

AFFINITY_COOKIE = "jellyfin-server-id"

# A client that is given to another server has to log in again, so the cookie lives as long as browsers let one live
# (RFC 6265bis, 5.5: 400 days).
AFFINITY_COOKIE_SECONDS = 400 * 24 * 60 * 60


class Issuer(TypedDict):
    """Who signs the certificate: an issuer of cert-manager, which must be installed."""

    name: pulumi.Input[str]
    """The issuer's name."""

    kind: NotRequired[pulumi.Input[str]]
    """ClusterIssuer (when absent) or Issuer, in the namespace of the servers."""


class Tls(TypedDict):
    """Where the certificate comes from: at most one of these; the controller's default when both are absent."""

    issuer: NotRequired[Issuer]
    """Makes a Certificate `<name>-tls`."""

    secret_name: NotRequired[pulumi.Input[str]]
    """A Secret of type kubernetes.io/tls in the namespace of the servers."""


class IngressArgs(TypedDict):
    """What every ingress takes."""

    namespace: pulumi.Input[str]
    """The namespace of the servers, and of everything that is made."""

    instance: str
    """The stack, for the label app.kubernetes.io/instance."""

    url: str
    """The URL under which clients reach the servers; its path is their Base URL."""

    service_name: pulumi.Input[str]
    """The Service of the servers."""

    service_port: pulumi.Input[int]
    """Its port."""


def checked_address(name: str, args: IngressArgs, tls: Tls | None) -> PublicAddress:
    """The parts of the URL.

    Raises:
        ValueError: it has no DNS name; tls has two sources, or comes with an http URL.
    """
    address = PublicAddress.of(args["url"])
    if tls is not None and not address.secure:
        raise ValueError(f"ingress {name!r}: expected tls with an https URL only, found {args['url']!r}")
    if tls is not None and "issuer" in tls and "secret_name" in tls:
        raise ValueError(f"ingress {name!r}: expected issuer or secret_name, found both")
    return address


def check_affinity(name: str, affinity: str, known: Sequence[str]) -> None:
    """Refuses what an ingress cannot do.

    Raises:
        ValueError: it is none of the known ones.
    """
    if affinity not in known:
        raise ValueError(f"ingress {name!r}: expected affinity {' or '.join(known)}, found {affinity!r}")


def certificate(
    parent: pulumi.ComponentResource, name: str, args: IngressArgs, tls: Tls | None
) -> pulumi.Input[str] | None:
    """The Secret with the certificate for the URL's host, which cert-manager fills when there is an issuer.

    Returns:
        None for the controller's default certificate.
    """
    if tls is None or "issuer" not in tls:
        return None if tls is None else tls.get("secret_name")
    secret_name = f"{name}-tls"
    k8s.apiextensions.CustomResource(
        secret_name,
        api_version="cert-manager.io/v1",
        kind="Certificate",
        metadata=metadata(secret_name, args["namespace"], COMPONENT, args["instance"]),
        spec={
            "secretName": secret_name,
            "dnsNames": [PublicAddress.of(args["url"]).host],
            "issuerRef": {
                "group": "cert-manager.io",
                "kind": tls["issuer"].get("kind", "ClusterIssuer"),
                "name": tls["issuer"]["name"],
            },
        },
        opts=child(parent),
    )
    return secret_name
