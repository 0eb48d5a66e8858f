"""The servers behind any ingress controller."""

from typing import NotRequired

import pulumi
import pulumi_kubernetes as k8s

from .common import child, metadata
from .ingress import COMPONENT, IngressArgs, Tls, certificate, checked_address


class PlainIngressArgs(IngressArgs):
    """What PlainIngress takes."""

    tls: NotRequired[Tls]
    """The certificate, for an https URL; the controller's default one when absent."""

    class_name: NotRequired[pulumi.Input[str]]
    """The IngressClass; the cluster's default when absent."""

    annotations: NotRequired[dict[str, str]]
    """What the controller is to do beyond an Ingress: affinity, denied paths, redirects, timeouts."""


class PlainIngress(pulumi.ComponentResource):
    """An Ingress of networking.k8s.io/v1 (`jellyfin-ha:index:PlainIngress`).

    Makes the Ingress `<name>`, and the Certificate `<name>-tls` when an issuer is given.

    An Ingress tells paths apart by the case of their letters and knows no affinity. So this one denies nothing and
    keeps nobody on a server, unless the controller does it by annotations. When a server is gone, the controller gives
    its clients to the other as soon as the cluster takes it out of the Service's endpoints.

    Raises:
        ValueError: the URL has no DNS name; tls has two sources, or comes with an http URL.
    """

    host: pulumi.Output[str]
    """The host name that it serves, for whoever keeps the DNS."""

    def __init__(self, name: str, args: PlainIngressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        address = checked_address(name, args, args.get("tls"))
        super().__init__("jellyfin-ha:index:PlainIngress", name, {}, opts)
        secret_name = certificate(self, name, args, args.get("tls"))
        k8s.networking.v1.Ingress(
            name,
            metadata=metadata(
                name,
                args["namespace"],
                COMPONENT,
                args["instance"],
                # Not every controller writes the address into the status that the provider would wait for.
                more_annotations={"pulumi.com/skipAwait": "true", **args.get("annotations", {})},
            ),
            spec=k8s.networking.v1.IngressSpecArgs(
                ingress_class_name=args.get("class_name"),
                tls=[k8s.networking.v1.IngressTLSArgs(hosts=[address.host], secret_name=secret_name)]
                if address.secure
                else None,
                rules=[
                    k8s.networking.v1.IngressRuleArgs(
                        host=address.host,
                        http=k8s.networking.v1.HTTPIngressRuleValueArgs(
                            paths=[
                                k8s.networking.v1.HTTPIngressPathArgs(
                                    path=address.base or "/",
                                    path_type="Prefix",
                                    backend=k8s.networking.v1.IngressBackendArgs(
                                        service=k8s.networking.v1.IngressServiceBackendArgs(
                                            name=args["service_name"],
                                            port=k8s.networking.v1.ServiceBackendPortArgs(number=args["service_port"]),
                                        )
                                    ),
                                )
                            ]
                        ),
                    )
                ],
            ),
            opts=child(self),
        )
        self.host = pulumi.Output.from_input(address.host)
        self.register_outputs({"host": self.host})
