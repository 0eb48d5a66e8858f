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
from jellyfin_ha.components.common import metadata, selector
from jellyfin_ha.components.server_pod import CACHE, CONFIG, TRANSCODE
from jellyfin_ha.components.types import SharedVolume
from jellyfin_ha.operations.cluster import Access
from jellyfin_ha.operations.migration import Options, check_source
from jellyfin_ha.operations.upgrade import Target

from . import arguments, hooks
from .ingress import publish
from .outputs import CONTRACT_VERSION, JellyfinHaOutputs, Secrets, Service, Volumes
from .parts import parts_of
from .settings import Claim, Part, PerPod, Settings, own_class

MEDIA = "/media"
SERVERS = "jellyfin"


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
        metadata=metadata(settings.namespace, None, "namespace", stack, more_labels=_pod_security(settings)),
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

    def class_of(part: Part, wanted: PerPod | Claim) -> PodStorage:
        args = arguments.pod_storage(wanted, instance=stack)
        return PodStorage(own_class(settings.namespace, part), args, after())

    per_pod = class_of("perPod", settings.storage.per_pod)
    database_class = class_of("database", settings.database.storage)
    lease_store_class = class_of("leaseStore", settings.lease_store.storage)
    config_volume = SharedVolume(claim_name=config.claim_name, mount_path=CONFIG)
    media_volume = SharedVolume(claim_name=media.claim_name, mount_path=MEDIA, read_only=True)

    postgres = PostgresDatabase(
        "jellyfin-postgres",
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.database.image,
            "storage": arguments.claim(settings.database.storage, database_class),
            "resources": arguments.resources(settings.database.resources),
            "node_selector": dict(settings.database.node_selector),
            "max_connections": settings.database.max_connections,
        },
        after(database_class),
    )
    redis = RedisLeaseStore(
        "jellyfin-redis",
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.lease_store.image,
            "storage": arguments.claim(settings.lease_store.storage, lease_store_class),
            "memory_mib": settings.lease_store.memory_mib,
            "node_selector": dict(settings.lease_store.node_selector),
        },
        after(lease_store_class),
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
            "database": {"secret_name": postgres.credentials_secret},
            "config": config_volume,
            "node_selector": dict(settings.server.node_selector),
        },
        pulumi.ResourceOptions.merge(
            after(postgres, config),
            pulumi.ResourceOptions(
                transformations=[hooks.around_upgrade(access, upgrade, image=settings.server.image)]
            ),
        ),
    )
    prepared = hooks.record(
        "jellyfin-schema",
        hooks.note_schema(
            access,
            secret_name=parts.database_secret,
            selector=parts.database,
            image=settings.server.image,
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
    sizes = settings.storage.per_pod
    pod_volumes = [arguments.pod_volume("cache", CACHE, sizes.cache_size, sizes, per_pod)]
    shared = [config_volume, media_volume]
    if settings.storage.transcode is None:
        pod_volumes.append(arguments.pod_volume("transcode", TRANSCODE, sizes.transcode_size, sizes, per_pod))
    else:
        transcode = SharedStorage(
            "jellyfin-transcode",
            arguments.shared(settings.storage.transcode, namespace=settings.namespace, instance=stack),
            after(),
        )
        shared.append(SharedVolume(claim_name=transcode.claim_name, mount_path=TRANSCODE))
        ready.append(transcode)
    server = JellyfinServer(
        SERVERS,
        {
            "namespace": settings.namespace,
            "instance": stack,
            "image": settings.server.image,
            "database": {"secret_name": postgres.credentials_secret, "version": postgres.credentials_version},
            "shared_volumes": shared,
            "pod_volumes": pod_volumes,
            "replicas": settings.server.replicas,
            "published_url": settings.server.url,
            "service": arguments.service(settings.server.service),
            "resources": arguments.resources(settings.server.resources),
            "node_selector": dict(settings.server.node_selector),
            "gpu": arguments.gpu(settings.server.gpu),
            "close_wizard": settings.migration is not None,
            "schema_check_image": settings.database.image,
        },
        after(*ready, media, per_pod),
    )
    hooks.record(
        "jellyfin-upgrade",
        hooks.end_upgrade(access, upgrade),
        metadata=metadata("jellyfin-upgrade", settings.namespace, "schema-upgrade", stack),
        fingerprint=hooks.fingerprint_of(image=settings.server.image),
        opts=after(server),
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
        service=pulumi.Output.all(name=server.service_name, port=server.port).apply(lambda found: Service(**found)),
        selectors=known(
            {
                "server": dict(parts.server),
                "database": dict(parts.database),
                "lease_store": dict(parts.lease_store),
            }
        ),
        secrets=pulumi.Output.all(database=postgres.credentials_secret, lease_store=redis.credentials_secret).apply(
            lambda found: Secrets(**found)
        ),
        volumes=pulumi.Output.all(config=config.claim_name, media=media.claim_name).apply(
            lambda found: Volumes(**found)
        ),
        mode=known(settings.mode),
        images=known(
            {
                "server": settings.server.image,
                "database": settings.database.image,
                "lease_store": settings.lease_store.image,
            }
        ),
    )


def _pod_security(settings: Settings) -> dict[str, str]:
    """The namespace's Pod Security labels: no lower level than `privileged` admits a volume of the node's folders."""
    gpu = settings.server.gpu
    return {
        "pod-security.kubernetes.io/enforce": "privileged" if gpu and gpu.host_path else "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    }
