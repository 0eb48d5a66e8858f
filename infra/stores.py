"""What servers keep their data in: PostgreSQL, Redis, and the schema in the one and the leases in the other."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pulumi

from jellyfin_ha.components import PostgresDatabase, RedisLeaseStore, SchemaUpgrade
from jellyfin_ha.components.common import metadata, selector
from jellyfin_ha.components.server_configuration import ServerConfiguration
from jellyfin_ha.components.types import DatabaseConnection, LeaseStoreConnection, SharedVolume
from jellyfin_ha.operations.cluster import Access
from jellyfin_ha.operations.migration import Options, check_source
from jellyfin_ha.operations.upgrade import Target

from . import arguments, hooks
from .parts import parts_of
from .settings import Settings

SERVERS = "jellyfin"


@dataclass(frozen=True)
class Stores:
    """The stores of a stack.

    Args:
        database: where PostgreSQL's credentials are.
        lease_store: where Redis is.
        ready: what must be there before a server may start.
        upgrade: what another version of the server would stop and start.
    """

    database: DatabaseConnection
    lease_store: LeaseStoreConnection
    ready: list[pulumi.Resource]
    upgrade: Target


def make_stores(
    settings: Settings,
    *,
    stack: str,
    access: Access,
    after: Callable[..., pulumi.ResourceOptions],
    shared: pulumi.Resource,
    config: SharedVolume,
    configuration: ServerConfiguration,
) -> Stores:
    """Makes both stores, their hooks and the schema.

    Args:
        settings: the stack's configuration.
        stack: its name, for labels.
        access: by which hooks reach the cluster.
        after: the options of a resource that waits for these.
        shared: the servers' shared configuration.
        config: how a server mounts it.
        configuration: what the schema upgrade's server starts with.

    Raises:
        UserError: exit code 2; the migration's source is missing or is no Jellyfin database.
    """
    parts = parts_of(stack)
    postgres = PostgresDatabase(
        "jellyfin-postgres",
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.database.image,
            "storage": arguments.claim(settings.database.storage),
            "resources": arguments.resources(settings.database.resources),
            "node_selector": dict(settings.database.node_selector),
            "max_connections": settings.database.max_connections,
        },
        after(),
    )
    redis = RedisLeaseStore(
        "jellyfin-redis",
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.lease_store.image,
            "storage": arguments.claim(settings.lease_store.storage),
            "memory_mib": settings.lease_store.memory_mib,
            "node_selector": dict(settings.lease_store.node_selector),
        },
        after(),
    )
    leases = hooks.record(
        "jellyfin-leases",
        hooks.seed_leases(
            access,
            secret_name=parts.lease_store_secret,
            selector=parts.lease_store,
            memory_limit_bytes=settings.lease_store.memory_mib * 2**20,
        ),
        metadata=metadata("jellyfin-leases", settings.namespace, "lease-store", stack),
        fingerprint=hooks.fingerprint_of(image=settings.lease_store.image, memory_mib=settings.lease_store.memory_mib),
        opts=after(redis),
    )
    database = DatabaseConnection(secret_name=postgres.credentials_secret)
    upgrade = Target(
        servers=SERVERS,
        server=parts.server,
        database=parts.database,
        database_secret=parts.database_secret,
        schema_upgrade=selector("schema-upgrade", stack),
    )
    schema = SchemaUpgrade(
        "jellyfin-schema-upgrade",
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.server.image,
            "flavor": settings.server.flavor,
            "database": database,
            "tools_image": settings.tools.image,
            "configuration": configuration,
            "config": config,
            "node_selector": dict(settings.server.node_selector),
        },
        pulumi.ResourceOptions.merge(
            after(postgres, shared),
            pulumi.ResourceOptions(
                transformations=[hooks.around_upgrade(access, upgrade, image=settings.server.image)]
            ),
        ),
    )
    prepared = hooks.record(
        "jellyfin-schema",
        hooks.note_schema(
            access, secret_name=parts.database_secret, selector=parts.database, image=settings.server.image
        ),
        metadata=metadata("jellyfin-schema", settings.namespace, "schema-upgrade", stack),
        fingerprint=hooks.fingerprint_of(image=settings.server.image),
        opts=after(schema),
    )
    ready: list[pulumi.Resource] = [prepared, leases]
    if settings.migration is not None and settings.migration.source is not None:
        source = Path(settings.migration.source).expanduser()
        ready.append(
            hooks.record(
                "jellyfin-migration",
                hooks.migrate_database(
                    access,
                    source=source,
                    options=Options(repair=settings.migration.repair),
                    secret_name=parts.database_secret,
                    selector=parts.database,
                    servers=parts.server,
                ),
                metadata=metadata("jellyfin-migration", settings.namespace, "database", stack),
                fingerprint=check_source(source),
                opts=after(prepared),
            )
        )
    return Stores(
        database=database,
        lease_store=LeaseStoreConnection(secret_name=redis.credentials_secret, host=redis.host, port=redis.port),
        ready=ready,
        upgrade=upgrade,
    )
