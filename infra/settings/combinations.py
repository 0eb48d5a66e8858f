"""Settings that are right alone and cannot work together."""

from collections.abc import Iterator

from jellyfin_ha.components.server_images import FLAVORS

from .model import Settings


def contradictions(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """What does not go with the server's flavor: the key, and what is wrong with its value."""
    server = settings.server
    if FLAVORS[server.flavor].postgres:
        return
    if server.replicas > 1:
        yield (
            ("server", "replicas"),
            f"found {server.replicas}; expected 1 or 0 with server.flavor {server.flavor}: two servers that write one "
            "SQLite file destroy it. More need an image with PostgreSQL and its flavor",
        )
    for name, key in (("migration", "migration"), ("database", "database"), ("lease_store", "leaseStore")):
        if name in settings.model_fields_set and getattr(settings, name) is not None:
            yield (key,), f"found a value; expected none with server.flavor {server.flavor}, which has no such part"
