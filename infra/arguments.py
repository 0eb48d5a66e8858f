"""Settings as the arguments that components take."""

from typing import cast

from jellyfin_ha.components import PodStorage, PodStorageArgs, SharedStorageArgs
from jellyfin_ha.components.gpu import GpuArgs
from jellyfin_ha.components.jellyfin_server import ServerService
from jellyfin_ha.components.pod_storage import LonghornClass, LonghornJob
from jellyfin_ha.components.shared_storage import NfsExport
from jellyfin_ha.components.types import ClaimNeeds, PodVolume, ResourceNeeds

from .settings import Claim, Gpu, KeptLonghorn, Longhorn, PerPod, Resources, Service, Shared


def claim(settings: Claim, storage: PodStorage) -> ClaimNeeds:
    """A volume of one pod, of the class that `storage` names."""
    return ClaimNeeds(size=settings.size, storage_class=storage.storage_class)


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
        args["nfs"] = NfsExport(server=settings.nfs.server, path=settings.nfs.path, csi=settings.nfs.csi)
        if settings.nfs.mount_options is not None:
            args["nfs"]["mount_options"] = settings.nfs.mount_options
    if settings.storage_class is not None:
        args["storage_class"] = settings.storage_class
    if settings.existing_claim is not None:
        args["existing_claim"] = settings.existing_claim
    if settings.host_path is not None:
        args["host_path"] = settings.host_path
    return args


def pod_storage(settings: PerPod | Claim, *, instance: str) -> PodStorageArgs:
    """The storage class of volumes that one pod owns."""
    args = PodStorageArgs(instance=instance)
    if settings.storage_class is not None:
        args["storage_class"] = settings.storage_class
    if settings.longhorn is not None:
        args["longhorn"] = _longhorn(settings.longhorn)
    return args


def _longhorn(settings: Longhorn) -> LonghornClass:
    parameters = LonghornClass(
        replicas=settings.number_of_replicas,
        data_locality=settings.data_locality,
        stale_replica_minutes=settings.stale_replica_timeout,
        fs_type=settings.fs_type,
        node_selector=settings.node_selector,
        disk_selector=settings.disk_selector,
    )
    if isinstance(settings, KeptLonghorn):
        parameters["keep"] = True
        parameters["jobs"] = {
            key: LonghornJob(task=job.task, cron=job.cron, retain=job.retain)
            for key, job in settings.recurring_jobs.items()
        }
        parameters["job_groups"] = settings.recurring_job_groups
        parameters["namespace"] = settings.namespace
    return parameters


def pod_volume(name: str, mount_path: str, size: str, settings: PerPod, storage: PodStorage) -> PodVolume:
    """A volume of which each server has one, of the class that `storage` names or on its node."""
    return PodVolume(
        name=name,
        mount_path=mount_path,
        size=size,
        storage_class=storage.storage_class,
        empty_dir=settings.empty_dir,
    )


def service(settings: Service) -> ServerService:
    """How clients reach the servers."""
    args = ServerService(type=settings.type)
    if settings.node_port is not None:
        args["node_port"] = settings.node_port
    return args


def gpu(settings: Gpu | None) -> GpuArgs | None:
    """A GPU for each server; None for none."""
    # The settings have the component's own form, key for key.
    return None if settings is None else cast(GpuArgs, settings.model_dump(exclude_none=True))
