"""The ingress that the settings ask for."""

import pulumi

from jellyfin_ha.components import (
    GatewayIngress,
    GatewayIngressArgs,
    PlainIngress,
    PlainIngressArgs,
    TraefikIngress,
    TraefikIngressArgs,
)
from jellyfin_ha.components.gateway_ingress import Parent
from jellyfin_ha.components.ingress import IngressArgs, Tls

from .settings import (
    GatewaySettings,
    IngressSettings,
    ParentSettings,
    PlainSettings,
    TlsSettings,
    TraefikSettings,
)


def publish(name: str, settings: IngressSettings, args: IngressArgs, opts: pulumi.ResourceOptions) -> None:
    """Declares what lets clients from outside the cluster in.

    Args:
        name: of the component.
        settings: which kind, and what only that kind has.
        args: what all kinds have.
        opts: the component's options.
    """
    match settings:
        case TraefikSettings():
            TraefikIngress(name, _traefik(settings, args), opts)
        case PlainSettings():
            PlainIngress(name, _plain(settings, args), opts)
        case GatewaySettings():
            GatewayIngress(name, _gateway(settings, args), opts)


def _traefik(settings: TraefikSettings, common: IngressArgs) -> TraefikIngressArgs:
    args: TraefikIngressArgs = {
        **common,
        "affinity": settings.affinity,
        "secure_entry_point": settings.secure_entry_point,
        "plain_entry_point": settings.plain_entry_point,
    }
    if settings.class_name is not None:
        args["class_name"] = settings.class_name
    if settings.tls is not None:
        args["tls"] = _tls(settings.tls)
    return args


def _plain(settings: PlainSettings, common: IngressArgs) -> PlainIngressArgs:
    args: PlainIngressArgs = {**common, "annotations": settings.annotations}
    if settings.class_name is not None:
        args["class_name"] = settings.class_name
    if settings.tls is not None:
        args["tls"] = _tls(settings.tls)
    return args


def _gateway(settings: GatewaySettings, common: IngressArgs) -> GatewayIngressArgs:
    args: GatewayIngressArgs = {
        **common,
        "parent": _parent(settings.parent),
        "denies_paths": not settings.accepts_unprotected_paths,
    }
    if settings.affinity is not None:
        args["affinity"] = settings.affinity
    return args


def _parent(settings: ParentSettings) -> Parent:
    parent = Parent(name=settings.name)
    if settings.namespace is not None:
        parent["namespace"] = settings.namespace
    if settings.section is not None:
        parent["section"] = settings.section
    if settings.plain_section is not None:
        parent["plain_section"] = settings.plain_section
    return parent


def _tls(settings: TlsSettings) -> Tls:
    tls = Tls()
    if settings.issuer is not None:
        tls["issuer"] = {"name": settings.issuer.name, "kind": settings.issuer.kind}
    if settings.secret_name is not None:
        tls["secret_name"] = settings.secret_name
    return tls
