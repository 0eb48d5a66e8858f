"""Settings as the arguments that components take."""

from typing import cast
from urllib.parse import urlsplit

from jellyfin_ha.components import PodStorage, PodStorageArgs, SharedStorageArgs
from jellyfin_ha.components.gpu import GpuArgs, encoding_options
from jellyfin_ha.components.jellyfin_server import ServerService
from jellyfin_ha.components.server_configuration import ServerConfiguration
from jellyfin_ha.components.shared_storage import NfsExport
from jellyfin_ha.components.types import ClaimNeeds, PodVolume, ResourceNeeds

from .settings import Claim, Gpu, PerPod, Resources, Server, Service, Shared


def claim(settings: Claim) -> ClaimNeeds:
    """A volume of one pod."""
    needs = ClaimNeeds(size=settings.size)
    if settings.storage_class is not None:
        needs["storage_class"] = settings.storage_class
    return needs


def resources(settings: Resources) -> ResourceNeeds:
    """CPU and memory of a container."""
    return ResourceNeeds(
        requests={**settings.requests},
        limits={**settings.limits},
    )


def shared(settings: Shared, *, namespace: str, instance: str, read_only: bool = False) -> SharedStorageArgs:
    """A volume of all pods."""
    args = SharedStorageArgs(namespace=namespace, instance=instance, size=settings.size, read_only=read_only)
    if settings.nfs is not None:
        args["nfs"] = NfsExport(server=settings.nfs.server, path=settings.nfs.path)
        if settings.nfs.mount_options is not None:
            args["nfs"]["mount_options"] = settings.nfs.mount_options
    if settings.storage_class is not None:
        args["storage_class"] = settings.storage_class
    if settings.existing_claim is not None:
        args["existing_claim"] = settings.existing_claim
    if settings.host_path is not None:
        args["host_path"] = settings.host_path
    return args


def per_pod(settings: PerPod, *, instance: str) -> PodStorageArgs:
    """The storage class of the per-pod volumes."""
    args = PodStorageArgs(instance=instance)
    if settings.storage_class is not None:
        args["storage_class"] = settings.storage_class
    if settings.longhorn is not None:
        args["longhorn"] = {
            "replicas": settings.longhorn.replicas,
            "data_locality": settings.longhorn.data_locality,
        }
    return args


def pod_volume(name: str, mount_path: str, size: str, storage: PodStorage) -> PodVolume:
    """A per-pod volume of the class that `storage` names."""
    return PodVolume(name=name, mount_path=mount_path, size=size, storage_class=storage.storage_class)


def service(settings: Service) -> ServerService:
    """How clients reach the servers."""
    args = ServerService(type=settings.type)
    if settings.node_port is not None:
        args["node_port"] = settings.node_port
    return args


def configuration(settings: Server) -> ServerConfiguration:
    """Jellyfin's own settings, as far as they are declared."""
    declared = settings.configuration
    args = ServerConfiguration(
        base_url=urlsplit(settings.url).path,
        auto_discovery=declared.auto_discovery,
        encoding=encoding_options(gpu(settings.gpu)),
    )
    if declared.metrics is not None:
        args["metrics"] = declared.metrics
    if declared.quick_connect is not None:
        args["quick_connect"] = declared.quick_connect
    return args


def gpu(settings: Gpu | None) -> GpuArgs | None:
    """A GPU for each server; None for none."""
    # The settings have the component's own form, key for key.
    return None if settings is None else cast(GpuArgs, settings.model_dump(exclude_none=True))
