"""Settings that are right alone and cannot work together."""

from collections.abc import Iterator, Mapping

from jellyfin_ha.components.public_address import PublicAddress

from ..server_images import takes_over_transcodes
from .ingress import GatewaySettings, IngressSettings, PlainSettings
from .longhorn import Part, own_class
from .model import Claim, Server, Settings

# longhorn-manager, datastore.NameMaximumLength: it takes no job with a longer name.
LONGHORN_NAME = 40

Contradiction = tuple[tuple[str, ...], str]
"""The key to change, and what is wrong with its value."""


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """What does not go together."""
    yield from _names_of_jobs(settings)
    if settings.ingress is not None:
        yield from _around_ingress(settings.ingress, settings.server)
    if settings.storage.transcode is not None and not takes_over_transcodes(settings.server.image):
        yield (
            ("storage", "transcode"),
            "expected a server image that goes on with another server's transcodes, "
            f"found {settings.server.image}, which empties the folder of all when the first of its clients plays "
            "something; leave the key out, and each server has a folder of its own",
        )


def _names_of_jobs(settings: Settings) -> Iterator[Contradiction]:
    claims: Mapping[Part, Claim] = {"database": settings.database.storage, "leaseStore": settings.lease_store.storage}
    for part, claim in claims.items():
        for job in claim.longhorn.recurring_jobs if claim.longhorn is not None else ():
            name = f"{own_class(settings.namespace, part)}-{job}"
            if len(name) > LONGHORN_NAME:
                yield (
                    (part, "storage", "longhorn", "recurringJobs"),
                    f"expected a key that makes a name of at most {LONGHORN_NAME} characters, "
                    f"found {job!r}, which makes {name}",
                )


def _around_ingress(ingress: IngressSettings, server: Server) -> Iterator[Contradiction]:
    if not server.known_proxies:
        yield (
            ("server", "knownProxies"),
            "found []; expected the addresses that the ingress connects from: without them every client from outside "
            "counts as a neighbour, who may call /System/Restart without a token",
        )
    yield from _url(ingress, server.url)
    if isinstance(ingress, PlainSettings) and not ingress.accepts_unprotected_paths:
        yield (
            ("ingress", "acceptsUnprotectedPaths"),
            "found false; expected true, for an Ingress cannot deny a path in any case of its letters: deny them by "
            "annotations of your controller, or take type traefik (docs/ingress.md)",
        )
    if ingress.affinity is None and server.replicas > 1:
        yield (
            ("ingress", "affinity"),
            "found nothing; expected who keeps a client on one server, as each of several knows only its own log-ins: "
            "controller when yours does it by annotations or a policy (docs/ingress.md)",
        )


def _url(ingress: IngressSettings, url: str) -> Iterator[Contradiction]:
    key = ("server", "url")
    try:
        secure = PublicAddress.of(url).secure
    except ValueError:
        yield key, f"found {url!r}; expected http(s)://<DNS name>[:<port>][/<path>] where there is an ingress"
        return
    if secure:
        return
    if isinstance(ingress, GatewaySettings):
        if ingress.parent.plain_section is not None:
            yield key, f"found {url!r}; expected https where ingress.parent.plainSection is sent on to it"
    elif ingress.tls is not None:
        yield key, f"found {url!r}; expected https where there is ingress.tls"
