"""The servers behind Traefik."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, NotRequired

import pulumi
import pulumi_kubernetes as k8s

from .common import child, metadata
from .ingress import (
    AFFINITY_COOKIE,
    AFFINITY_COOKIE_SECONDS,
    COMPONENT,
    IngressArgs,
    Tls,
    certificate,
    check_affinity,
    checked_address,
)
from .public_address import DENIED

API = "traefik.io/v1alpha1"

# A year, without subdomains: those are not ours. RFC 6797, 6.1.
HSTS_SECONDS = 365 * 24 * 60 * 60


class TraefikIngressArgs(IngressArgs):
    """What TraefikIngress takes."""

    tls: NotRequired[Tls]
    """The certificate, for an https URL; Traefik's default one when absent."""

    affinity: NotRequired[str]
    """What keeps a client on one server: address (when absent) or cookie."""

    secure_entry_point: NotRequired[pulumi.Input[str]]
    """Traefik's entry point for https; "websecure" when absent."""

    plain_entry_point: NotRequired[pulumi.Input[str]]
    """Traefik's entry point for http; "web" when absent."""

    class_name: NotRequired[str]
    """Which Traefik is meant, where several have an ingress class each."""


class TraefikIngress(pulumi.ComponentResource):
    """An IngressRoute of Traefik 3.6 or newer (`jellyfin-ha:index:TraefikIngress`).

    Makes the IngressRoute `<name>` and the Middleware `<name>-headers`; for an https URL also the IngressRoute and
    Middleware `<name>-to-https`, and the Certificate `<name>-tls` when an issuer is given.

    The denied paths are left out of the rule of the one route that there is, so Traefik answers them with 404, and no
    Middleware that is missing can let them in. When a server is gone, Traefik gives its clients to the other as soon
    as the cluster takes it out of the Service's endpoints. By address, they go back when it returns; by cookie, they
    stay. Traefik knows one of the two at a time: by address, it sets no cookie.

    Raises:
        ValueError: the URL has no DNS name; tls has two sources, or comes with an http URL; an unknown affinity.
    """

    host: pulumi.Output[str]
    """The host name that it serves, for whoever keeps the DNS."""

    def __init__(self, name: str, args: TraefikIngressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        address = checked_address(name, args, args.get("tls"))
        check_affinity(name, args.get("affinity", "address"), ("address", "cookie"))
        super().__init__("jellyfin-ha:index:TraefikIngress", name, {}, opts)
        self._args, self._address = args, address
        plain = args.get("plain_entry_point", "web")
        if address.secure:
            secret_name = certificate(self, name, args, args.get("tls"))
            tls = {} if secret_name is None else {"secretName": secret_name}
            secure = args.get("secure_entry_point", "websecure")
            self._route(name, secure, self._served(), self._headers(f"{name}-headers"), tls=tls)
            self._route(f"{name}-to-https", plain, {"match": self._rule()}, self._redirect(f"{name}-to-https"))
        else:
            self._route(name, plain, self._served(), self._headers(f"{name}-headers"))
        self.host = pulumi.Output.from_input(address.host)
        self.register_outputs({"host": self.host})

    def _rule(self) -> str:
        host, base = f"Host(`{self._address.host}`)", self._address.base
        return f"{host} && (Path(`{base}`) || PathPrefix(`{base}/`))" if base else host

    def _served(self) -> dict[str, object]:
        rule = self._rule()
        # Traefik prefers the longer rule: what is denied must not make this one win over another's for the same host.
        return {"match": f"{rule} && !PathRegexp(`{DENIED}`)", "priority": len(rule)}

    def _headers(self, name: str) -> "_Middleware":
        # Tokens stand in URLs (`ApiKey=`): no other site is told the one that a page was opened with.
        headers: dict[str, object] = {"contentTypeNosniff": True, "referrerPolicy": "same-origin"}
        if self._address.secure:
            headers["stsSeconds"] = HSTS_SECONDS
        return _Middleware(name, self._object(name, "Middleware", {"headers": headers}))

    def _redirect(self, name: str) -> "_Middleware":
        redirect: dict[str, object] = {"scheme": "https", "permanent": True}
        if self._address.port is not None:
            redirect["port"] = str(self._address.port)
        return _Middleware(name, self._object(name, "Middleware", {"redirectScheme": redirect}))

    def _route(
        self,
        name: str,
        entry_point: pulumi.Input[str],
        rule: dict[str, object],
        middleware: "_Middleware",
        *,
        tls: dict[str, pulumi.Input[str]] | None = None,
    ) -> None:
        route = {"kind": "Rule", **rule, "middlewares": [{"name": middleware.name}], "services": [self._service()]}
        spec: dict[str, object] = {"entryPoints": [entry_point], "routes": [route]}
        if tls is not None:
            spec["tls"] = tls
        class_name = self._args.get("class_name")
        self._object(
            name,
            "IngressRoute",
            spec,
            annotations={} if class_name is None else {"kubernetes.io/ingress.class": class_name},
            depends_on=[middleware.resource],
        )

    def _object(
        self,
        name: str,
        kind: str,
        spec: dict[str, object],
        *,
        annotations: Mapping[str, str] | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> pulumi.Resource:
        return k8s.apiextensions.CustomResource(
            name,
            api_version=API,
            kind=kind,
            metadata=metadata(
                name, self._args["namespace"], COMPONENT, self._args["instance"], more_annotations=annotations
            ),
            spec=spec,
            opts=child(self, depends_on=depends_on),
        )

    def _service(self) -> dict[str, object]:
        service: dict[str, object] = {
            "kind": "Service",
            "name": self._args["service_name"],
            "port": self._args["service_port"],
            # Through the Service's own address, all clients would be one: Traefik.
            "nativeLB": False,
        }
        if self._args.get("affinity", "address") == "address":
            return {**service, "strategy": "hrw"}
        cookie = {
            "name": AFFINITY_COOKIE,
            "secure": self._address.secure,
            "httpOnly": True,
            "sameSite": "lax",
            "maxAge": AFFINITY_COOKIE_SECONDS,
            "path": self._address.base or "/",
        }
        return {**service, "sticky": {"cookie": cookie}}


class _Middleware(NamedTuple):
    name: str
    resource: pulumi.Resource
