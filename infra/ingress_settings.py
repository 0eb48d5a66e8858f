"""The part of the settings that says how clients from outside the cluster reach the servers."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from jellyfin_ha.components.public_address import PublicAddress

from .model import DnsLabel, Model

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


class IssuerSettings(Model):
    """An issuer of cert-manager."""

    name: Name
    kind: Literal["ClusterIssuer", "Issuer"] = "ClusterIssuer"


class TlsSettings(Model):
    """Where the certificate comes from."""

    issuer: IssuerSettings | None = None
    secret_name: Name | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "TlsSettings":
        if (self.issuer is None) == (self.secret_name is None):
            raise ValueError("expected either issuer or secretName; leave tls out for the controller's own certificate")
        return self


class TraefikSettings(Model):
    """An IngressRoute of Traefik."""

    type: Literal["traefik"]
    affinity: Literal["address", "cookie"] = "address"
    secure_entry_point: str = "websecure"
    plain_entry_point: str = "web"
    class_name: Name | None = None
    tls: TlsSettings | None = None


class PlainSettings(Model):
    """An Ingress of any controller."""

    type: Literal["ingress"]
    class_name: Name | None = None
    annotations: dict[str, str] = Field(default_factory=dict)
    affinity: Literal["controller"] | None = None
    accepts_unprotected_paths: bool = False
    tls: TlsSettings | None = None


class ParentSettings(Model):
    """A Gateway and its listeners."""

    name: Name
    namespace: DnsLabel | None = None
    section: Name | None = None
    plain_section: Name | None = None

    @model_validator(mode="after")
    def _redirects_from_another(self) -> "ParentSettings":
        if self.plain_section is not None and self.section is None:
            raise ValueError("expected section beside plainSection, or both listeners would redirect")
        return self


class GatewaySettings(Model):
    """HTTPRoutes of the Gateway API."""

    type: Literal["gateway"]
    parent: ParentSettings
    affinity: Literal["controller", "session-persistence"] | None = None
    accepts_unprotected_paths: bool = False


IngressSettings = TraefikSettings | PlainSettings | GatewaySettings


def contradictions(
    ingress: IngressSettings, *, url: str, replicas: int, known_proxies: list[str]
) -> list[InitErrorDetails]:
    """What does not go together, each with the key to change."""
    found: list[InitErrorDetails] = []

    def refuse(expected: str, value: object, *key: str) -> None:
        found.append({"type": PydanticCustomError("contradiction", "{e}", {"e": expected}), "loc": key, "input": value})

    if not known_proxies:
        refuse(
            "expected the addresses that the ingress connects from: without them every client from outside counts as a "
            "neighbour, who may call /System/Restart without a token",
            known_proxies,
            *("server", "knownProxies"),
        )
    try:
        secure = PublicAddress.of(url).secure
    except ValueError:
        refuse("expected http(s)://<DNS name>[:<port>][/<path>] where there is an ingress", url, "server", "url")
        secure = True
    if not isinstance(ingress, GatewaySettings) and ingress.tls is not None and not secure:
        refuse("expected https where there is ingress.tls", url, "server", "url")
    if isinstance(ingress, GatewaySettings) and ingress.parent.plain_section is not None and not secure:
        refuse("expected https where ingress.parent.plainSection is sent on to it", url, "server", "url")
    if isinstance(ingress, PlainSettings) and not ingress.accepts_unprotected_paths:
        refuse(
            "expected true, for an Ingress cannot deny a path in any case of its letters: deny them by annotations of "
            "your controller, or take type traefik (docs/ingress.md)",
            False,
            *("ingress", ingress.type, "acceptsUnprotectedPaths"),
        )
    if ingress.affinity is None and replicas > 1:
        refuse(
            "expected who keeps a client on one server, as each of several knows only its own log-ins: "
            "controller when yours does it by annotations or a policy (docs/ingress.md)",
            None,
            *("ingress", ingress.type, "affinity"),
        )
    return found
