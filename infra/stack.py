"""Which components make a stack, and in which order."""

import pulumi
import pulumi_kubernetes as k8s

from jellyfin_ha.components import JellyfinServer, JellyfinServerArgs, PodStorage, SharedStorage
from jellyfin_ha.components.common import metadata
from jellyfin_ha.components.server_images import FLAVORS
from jellyfin_ha.components.server_pod import CACHE, CONFIG, TRANSCODE
from jellyfin_ha.components.types import SharedVolume
from jellyfin_ha.operations.cluster import Access

from . import arguments, hooks
from .outputs import CONTRACT_VERSION, Images, JellyfinHaOutputs, Secrets, Selectors, Service, Volumes
from .parts import parts_of
from .settings import Settings
from .stores import SERVERS, make_stores

MEDIA = "/media"


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
    per_pod = PodStorage(
        # A storage class belongs to no namespace; two stacks in one cluster must not meet.
        f"{settings.namespace}-pod-storage",
        arguments.per_pod(settings.storage.per_pod, instance=stack),
        after(),
    )
    config_volume = SharedVolume(claim_name=config.claim_name, mount_path=CONFIG)
    media_volume = SharedVolume(claim_name=media.claim_name, mount_path=MEDIA, read_only=True)

    configuration = arguments.configuration(settings.server)
    stores = None
    if FLAVORS[settings.server.flavor].postgres:
        stores = make_stores(
            settings,
            stack=stack,
            access=access,
            after=after,
            shared=config,
            config=config_volume,
            configuration=configuration,
        )
    args: JellyfinServerArgs = {
        "namespace": settings.namespace,
        "instance": stack,
        "image": settings.server.image,
        "flavor": settings.server.flavor,
        "tools_image": settings.tools.image,
        # Before a migration the wizard must be open, or a server would not set up its new database as a new one.
        "configuration": {**configuration, "close_wizard": settings.migration is not None},
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
        "gpu": arguments.gpu(settings.server.gpu),
    }
    known = pulumi.Output.from_input
    images = Images(server=settings.server.image)
    selectors = Selectors(server=dict(parts.server))
    secrets = known(Secrets())
    if stores:
        args["database"], args["lease_store"] = stores.database, stores.lease_store
        args["schema_check_image"] = settings.database.image
        images["database"], images["lease_store"] = settings.database.image, settings.lease_store.image
        selectors["database"], selectors["lease_store"] = dict(parts.database), dict(parts.lease_store)
        secrets = pulumi.Output.all(
            database=stores.database["secret_name"], lease_store=stores.lease_store["secret_name"]
        ).apply(lambda found: Secrets(**found))
    server = JellyfinServer(SERVERS, args, after(*(stores.ready if stores else [config]), media))
    if stores:
        hooks.record(
            "jellyfin-upgrade",
            hooks.end_upgrade(access, stores.upgrade),
            metadata=metadata("jellyfin-upgrade", settings.namespace, "schema-upgrade", stack),
            fingerprint=hooks.fingerprint_of(image=settings.server.image),
            opts=after(server),
        )
    return JellyfinHaOutputs(
        contract_version=known(CONTRACT_VERSION),
        url=known(settings.server.url),
        namespace=namespace.metadata.apply(lambda meta: meta.name or settings.namespace),
        service=pulumi.Output.all(name=server.service_name, port=server.port).apply(lambda found: Service(**found)),
        selectors=known(selectors),
        secrets=secrets,
        volumes=pulumi.Output.all(config=config.claim_name, media=media.claim_name).apply(
            lambda found: Volumes(**found)
        ),
        mode=known(settings.mode),
        images=known(images),
    )


def _pod_security(settings: Settings) -> dict[str, str]:
    """The namespace's Pod Security labels: no lower level than `privileged` admits a volume of the node's folders."""
    gpu = settings.server.gpu
    return {
        "pod-security.kubernetes.io/enforce": "privileged" if gpu and gpu.host_path else "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    }
