"""Storage that every replica mounts at once."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from .common import child, metadata

SOURCES = ("nfs", "storage_class", "existing_claim", "host_path")

# Hard: a server that answers late makes clients wait; a soft mount would hand them errors in the middle of a write.
NFS_MOUNT_OPTIONS = ("nfsvers=4.1", "hard", "noatime")

NFS_CSI_DRIVER = "nfs.csi.k8s.io"


class NfsExport(TypedDict):
    """A folder that an NFS server exports."""

    server: pulumi.Input[str]
    """Name or address of the NFS server, as the nodes reach it."""

    path: pulumi.Input[str]
    """The exported folder."""

    mount_options: NotRequired[list[str]]
    """Replaces the default "nfsvers=4.1,hard,noatime"."""

    csi: NotRequired[bool]
    """Whether csi-driver-nfs mounts it, which must be installed, and not the kubelet with the node's own mount.nfs;
    False when absent."""


class SharedStorageArgs(TypedDict):
    """What SharedStorage takes: exactly one of nfs, storage_class, existing_claim and host_path."""

    namespace: str
    """The namespace of the claim."""

    instance: str
    """The stack, for the label app.kubernetes.io/instance."""

    size: NotRequired[pulumi.Input[str]]
    """A Kubernetes quantity, "1Gi" when absent. With storage_class a larger one later grows the volume, where its class
    can; with nfs and host_path nothing enforces it, and it is used once."""

    read_only: NotRequired[bool]
    """Whether pods may only read it (ReadOnlyMany); False when absent."""

    nfs: NotRequired[NfsExport]
    """A folder on an NFS server, which must be there."""

    storage_class: NotRequired[pulumi.Input[str]]
    """A class whose volumes can be mounted by several nodes at once (ReadWriteMany)."""

    existing_claim: NotRequired[pulumi.Input[str]]
    """A claim that exists already; nothing is made."""

    host_path: NotRequired[pulumi.Input[str]]
    """A folder that is the same on every node, such as a cluster file system mounted by the nodes."""


class SharedStorage(pulumi.ComponentResource):
    """A volume that the replicas on all nodes see at once (`jellyfin-ha:index:SharedStorage`).

    Makes the PersistentVolumeClaim `<name>` and, for nfs and host_path, the PersistentVolume
    `<namespace>-<name>` that is bound to it, whose reclaim policy is Retain: deleting the claim deletes no file.
    With storage_class the class decides what becomes of the files. Claim and volume are protected: a change that
    would replace them is refused at preview, because a claim that is being deleted cannot be taken back.
    When the storage is away, pods that use it hang in their reads and writes until it is back.

    Raises:
        ValueError: not exactly one of the four sources was given.
    """

    claim_name: pulumi.Output[str]
    """The claim that pods mount."""

    def __init__(self, name: str, args: SharedStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = [source for source in SOURCES if source in args]
        if len(given) != 1:
            raise ValueError(
                f"shared storage {name!r}: expected exactly one of {', '.join(SOURCES)}, "
                f"found {', '.join(given) or 'none'}"
            )
        super().__init__("jellyfin-ha:index:SharedStorage", name, {}, opts)
        if "existing_claim" in args:
            self.claim_name = pulumi.Output.from_input(args["existing_claim"])
        else:
            self.claim_name = self._claim(name, args).metadata.name
        self.register_outputs({"claim_name": self.claim_name})

    def _claim(self, name: str, args: SharedStorageArgs) -> k8s.core.v1.PersistentVolumeClaim:
        volume = None if "storage_class" in args else self._volume(name, args)
        # Kubernetes refuses another size for a claim of a volume that it did not have made.
        ignored = ["spec.resources"] if volume else []
        return k8s.core.v1.PersistentVolumeClaim(
            name,
            metadata=metadata(name, args["namespace"], "storage", args["instance"]),
            spec=k8s.core.v1.PersistentVolumeClaimSpecArgs(
                access_modes=[_access_mode(args)],
                # The empty name means: no class, only the volume that is named here.
                storage_class_name=args.get("storage_class", ""),
                volume_name=volume.metadata.name if volume else None,
                resources=k8s.core.v1.VolumeResourceRequirementsArgs(requests={"storage": args.get("size", "1Gi")}),
            ),
            opts=child(self, protect=True, ignore_changes=ignored),
        )

    def _volume(self, name: str, args: SharedStorageArgs) -> k8s.core.v1.PersistentVolume:
        nfs = args.get("nfs")
        host_path = args.get("host_path")
        namespace = args["namespace"]
        return k8s.core.v1.PersistentVolume(
            name,
            # Volumes belong to no namespace; two stacks in one cluster must not meet.
            metadata=metadata(f"{namespace}-{name}", None, "storage", args["instance"]),
            spec=k8s.core.v1.PersistentVolumeSpecArgs(
                access_modes=[_access_mode(args)],
                capacity={"storage": args.get("size", "1Gi")},
                persistent_volume_reclaim_policy="Retain",
                storage_class_name="",
                claim_ref=k8s.core.v1.ObjectReferenceArgs(namespace=namespace, name=name),
                mount_options=nfs.get("mount_options", list(NFS_MOUNT_OPTIONS)) if nfs else None,
                nfs=k8s.core.v1.NFSVolumeSourceArgs(server=nfs["server"], path=nfs["path"])
                if nfs and not nfs.get("csi", False)
                else None,
                csi=_nfs_csi(f"{namespace}-{name}", nfs) if nfs and nfs.get("csi", False) else None,
                host_path=k8s.core.v1.HostPathVolumeSourceArgs(path=host_path, type="Directory") if host_path else None,
            ),
            opts=child(self, protect=True, ignore_changes=["spec.capacity"]),
        )


def _nfs_csi(volume: str, nfs: NfsExport) -> k8s.core.v1.CSIPersistentVolumeSourceArgs:
    return k8s.core.v1.CSIPersistentVolumeSourceArgs(
        driver=NFS_CSI_DRIVER,
        # The driver only wants it to be unique in the cluster; two volumes may be of one export.
        volume_handle=pulumi.Output.concat(nfs["server"], "#", nfs["path"], "#", volume),
        volume_attributes={"server": nfs["server"], "share": nfs["path"]},
    )


def _access_mode(args: SharedStorageArgs) -> str:
    return "ReadOnlyMany" if args.get("read_only", False) else "ReadWriteMany"
