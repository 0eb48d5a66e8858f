"""The servers behind a Gateway."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from .common import child, metadata
from .ingress import AFFINITY_COOKIE, AFFINITY_COOKIE_SECONDS, COMPONENT, IngressArgs, check_affinity
from .public_address import DENIED, PublicAddress

API = "gateway.networking.k8s.io/v1"


class Parent(TypedDict):
    """The Gateway that the routes hang on. Its listeners hold the certificate."""

    name: pulumi.Input[str]
    """Its name."""

    namespace: NotRequired[pulumi.Input[str]]
    """Its namespace; the servers' own when absent."""

    section: NotRequired[pulumi.Input[str]]
    """The listener that serves the URL; all of them when absent."""

    plain_section: NotRequired[pulumi.Input[str]]
    """The listener whose requests are sent on to https; none when absent. Only beside `section`, with an https URL."""


class GatewayIngressArgs(IngressArgs):
    """What GatewayIngress takes."""

    parent: Parent
    """Where the routes hang."""

    affinity: NotRequired[str]
    """Who keeps a client on one server: controller (when absent), by a policy of its own, or session-persistence, a
    cookie by a field of the route that the experimental channel of the Gateway API has."""

    denies_paths: NotRequired[bool]
    """Whether the denied paths are denied, which takes matches by regular expression; True when absent."""


class GatewayIngress(pulumi.ComponentResource):
    """HTTPRoutes of the Gateway API 1.1 or newer (`jellyfin-ha:index:GatewayIngress`).

    Makes the HTTPRoute `<name>`, and `<name>-to-https` when there is a plain section.

    The denied paths have a rule without a backend, which implementations answer with an error of theirs (404, 500 or
    503). Matches by regular expression are not part of what every implementation has: one without them does not accept
    the route, and then serves nothing. When a server is gone, its clients go to the other as soon as the cluster takes
    it out of the Service's endpoints.

    Raises:
        ValueError: the URL has no DNS name; a plain section without a section or with an http URL; an unknown affinity.
    """

    host: pulumi.Output[str]
    """The host name that it serves, for whoever keeps the DNS."""

    def __init__(self, name: str, args: GatewayIngressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._address, self._args = PublicAddress.of(args["url"]), args
        parent = args["parent"]
        if "plain_section" in parent and not ("section" in parent and self._address.secure):
            raise ValueError(f"ingress {name!r}: expected plain_section beside section and with an https URL")
        check_affinity(name, args.get("affinity", "controller"), ("controller", "session-persistence"))
        super().__init__("jellyfin-ha:index:GatewayIngress", name, {}, opts)
        denied = [_path("RegularExpression", DENIED)] if args.get("denies_paths", True) else []
        self._route(name, parent.get("section"), [*denied, self._served()])
        if "plain_section" in parent:
            port = {} if self._address.port is None else {"port": self._address.port}
            redirect = {"scheme": "https", "statusCode": 301, **port}
            self._route(
                f"{name}-to-https",
                parent["plain_section"],
                [{"filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}],
            )
        self.host = pulumi.Output.from_input(self._address.host)
        self.register_outputs({"host": self.host})

    def _served(self) -> dict[str, object]:
        rule: dict[str, object] = {
            **_path("PathPrefix", self._address.base or "/"),
            "backendRefs": [
                {"kind": "Service", "name": self._args["service_name"], "port": self._args["service_port"]}
            ],
            # No end: films and web sockets last for hours.
            "timeouts": {"request": "0s"},
        }
        if self._args.get("affinity") != "session-persistence":
            return rule
        persistence = {
            "sessionName": AFFINITY_COOKIE,
            "type": "Cookie",
            "absoluteTimeout": f"{AFFINITY_COOKIE_SECONDS // 3600}h",
            "cookieConfig": {"lifetimeType": "Permanent"},
        }
        return {**rule, "sessionPersistence": persistence}

    def _route(self, name: str, section: pulumi.Input[str] | None, rules: list[dict[str, object]]) -> None:
        parent = self._args["parent"]
        k8s.apiextensions.CustomResource(
            name,
            api_version=API,
            kind="HTTPRoute",
            metadata=metadata(name, self._args["namespace"], COMPONENT, self._args["instance"]),
            spec={
                "parentRefs": [
                    {
                        "name": parent["name"],
                        **({"namespace": parent["namespace"]} if "namespace" in parent else {}),
                        **({} if section is None else {"sectionName": section}),
                    }
                ],
                "hostnames": [self._address.host],
                "rules": rules,
            },
            opts=child(self),
        )


def _path(kind: str, value: str) -> dict[str, object]:
    return {"matches": [{"path": {"type": kind, "value": value}}]}
