"""Settings that are right alone and cannot work together."""

from collections.abc import Iterator, Mapping

from ..server_images import takes_over_transcodes
from .longhorn import Part, own_class
from .model import Claim, Settings

# longhorn-manager, datastore.NameMaximumLength: it takes no job with a longer name.
LONGHORN_NAME = 40

Contradiction = tuple[tuple[str, ...], str]
"""The key to change, and what is wrong with its value."""


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """What does not go together."""
    yield from _names_of_jobs(settings)
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
