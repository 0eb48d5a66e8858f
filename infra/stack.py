"""Which components make a stack, and in which order."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from jellyfin_ha.components import (
    JellyfinServer,
    PodStorage,
    PostgresDatabase,
    RedisLeaseStore,
    SchemaUpgrade,
    SharedStorage,
)
from jellyfin_ha.components.common import metadata
from jellyfin_ha.components.server_pod import CACHE, CONFIG, TRANSCODE
from jellyfin_ha.components.types import SharedVolume
from jellyfin_ha.operations.cluster import Access
from jellyfin_ha.operations.migration import Options, check_source

from . import arguments, hooks
from .ingress import publish
from .outputs import CONTRACT_VERSION, JellyfinHaOutputs
from .parts import parts_of
from .settings import Settings

MEDIA = "/media"

POD_SECURITY = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}


def deploy(settings: Settings, *, stack: str, kubeconfig: str | None, context: str | None) -> JellyfinHaOutputs:
    """Declares everything that a stack is made of.

    Args:
        settings: the stack's configuration.
        stack: its name, for labels.
        kubeconfig: the file by which hooks reach the cluster; the default one when None.
        context: its context; the current one when None.

    Raises:
        UserError: exit code 2; the migration's source is missing or is no Jellyfin database.
    """
    parts = parts_of(stack)
    access = Access(namespace=settings.namespace, kubeconfig=kubeconfig, context=context)
    # By default the provider replaces a Secret or ConfigMap whose content changes, and with it all that refers to it.
    provider = k8s.Provider(
        "cluster",
        kubeconfig=kubeconfig,
        context=context,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
    )
    namespace = k8s.core.v1.Namespace(
        settings.namespace,
        metadata=metadata(settings.namespace, None, "namespace", stack, more_labels=POD_SECURITY),
        # With it would go every claim in it.
        opts=pulumi.ResourceOptions(provider=provider, protect=True),
    )

    def after(*resources: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[provider], depends_on=[namespace, *resources])

    config = SharedStorage(
        "jellyfin-config",
        arguments.shared(settings.storage.config, namespace=settings.namespace, instance=stack),
        after(),
    )
    media = SharedStorage(
        "jellyfin-media",
        arguments.shared(settings.storage.media, namespace=settings.namespace, instance=stack, read_only=True),
        after(),
    )
    per_pod = PodStorage(
        # A storage class belongs to no namespace; two stacks in one cluster must not meet.
        f"{settings.namespace}-pod-storage",
        arguments.per_pod(settings.storage.per_pod, instance=stack),
        after(),
    )
    config_volume = SharedVolume(claim_name=config.claim_name, mount_path=CONFIG)
    media_volume = SharedVolume(claim_name=media.claim_name, mount_path=MEDIA, read_only=True)

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
    schema = SchemaUpgrade(
        "jellyfin-schema-upgrade",
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.server.image,
            "database": {"secret_name": postgres.credentials_secret},
            "config": config_volume,
            "node_selector": dict(settings.server.node_selector),
        },
        after(postgres, config),
    )
    ready: list[pulumi.Resource] = [schema, leases]
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
                opts=after(schema),
            )
        )
    server = JellyfinServer(
        "jellyfin",
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.server.image,
            "database": {"secret_name": postgres.credentials_secret},
            "shared_volumes": [config_volume, media_volume],
            "pod_volumes": [
                arguments.pod_volume("transcode", TRANSCODE, settings.storage.per_pod.transcode_size, per_pod),
                arguments.pod_volume("cache", CACHE, settings.storage.per_pod.cache_size, per_pod),
            ],
            "replicas": settings.server.replicas,
            "published_url": settings.server.url,
            "service": arguments.service(settings.server.service),
            "resources": arguments.resources(settings.server.resources),
            "node_selector": dict(settings.server.node_selector),
            "close_wizard": settings.migration is not None,
        },
        after(*ready, media),
    )
    if settings.ingress is not None:
        publish(
            "jellyfin",
            settings.ingress,
            {
                "namespace": settings.namespace,
                "instance": stack,
                "url": settings.server.url,
                "service_name": server.service_name,
                "service_port": server.port,
            },
            after(),
        )
    known = pulumi.Output.from_input
    return JellyfinHaOutputs(
        contract_version=known(CONTRACT_VERSION),
        url=known(settings.server.url),
        namespace=namespace.metadata.apply(lambda meta: meta.name or settings.namespace),
        service=pulumi.Output.all(name=server.service_name, port=server.port),
        selectors=known(
            {
                "server": dict(parts.server),
                "database": dict(parts.database),
                "lease_store": dict(parts.lease_store),
            }
        ),
        secrets=pulumi.Output.all(database=postgres.credentials_secret, lease_store=redis.credentials_secret),
        volumes=pulumi.Output.all(config=config.claim_name, media=media.claim_name),
        mode=known(settings.mode),
        images=known(
            {
                "server": settings.server.image,
                "database": settings.database.image,
                "lease_store": settings.lease_store.image,
            }
        ),
    )
