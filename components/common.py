"""What every component's pods and children have in common."""

from collections.abc import Mapping, Sequence
from typing import cast

import pulumi
import pulumi_kubernetes as k8s

NAME_LABEL = "app.kubernetes.io/name"
COMPONENT_LABEL = "app.kubernetes.io/component"
INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"

FIELD_MANAGER = "jellyfin-ha"

# A change of these would delete the StatefulSet and make it anew, while its claims would keep their size and class.
CLAIM_TEMPLATES = "spec.volumeClaimTemplates"

DATABASE_VARIABLES = ("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD")
"""What the PostgreSQL provider plugin of the server images reads from its environment."""


def selector(component: str, instance: str) -> dict[str, str]:
    """The labels that find the pods of one component of one stack; never changed, as selectors are immutable."""
    return {NAME_LABEL: "jellyfin", COMPONENT_LABEL: component, INSTANCE_LABEL: instance}


def labels(component: str, instance: str) -> dict[str, str]:
    """The recommended labels of every object that a component makes."""
    return {**selector(component, instance), MANAGED_BY_LABEL: "pulumi"}


def child(
    parent: pulumi.ComponentResource,
    *,
    depends_on: Sequence[pulumi.Resource] = (),
    protect: bool = False,
    timeout: str | None = None,
    ignore_changes: Sequence[str] = (),
) -> pulumi.ResourceOptions:
    """Options of a component's child.

    Args:
        parent: the component.
        depends_on: what must exist before the child.
        protect: refuse to delete or replace the child until it is unprotected.
        timeout: how long the child may take to become ready ("40m"); the provider's default when absent.
        ignore_changes: inputs that are used when the child is made and never again.
    """
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=list(depends_on),
        # None inherits the parent's setting; False would undo it.
        protect=protect or None,
        ignore_changes=list(ignore_changes),
        custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout) if timeout else None,
    )


def metadata(
    name: pulumi.Input[str],
    namespace: pulumi.Input[str] | None,
    component: str,
    instance: str,
    *,
    more_labels: Mapping[str, str] | None = None,
    more_annotations: Mapping[str, str] | None = None,
) -> k8s.meta.v1.ObjectMetaArgs:
    """Metadata of an object with the recommended labels; None for what belongs to no namespace."""
    return k8s.meta.v1.ObjectMetaArgs(
        name=name,
        namespace=namespace,
        labels={**labels(component, instance), **(more_labels or {})},
        # The provider would invent a new one for each object. After an update that was killed, the next could then not
        # take up what the cluster has and the state has not: "apply conflict".
        annotations={"pulumi.com/patchFieldManager": FIELD_MANAGER, **(more_annotations or {})},
    )


def pod_security(
    uid: pulumi.Input[int], gid: pulumi.Input[int], *, more_groups: Sequence[int] = ()
) -> k8s.core.v1.PodSecurityContextArgs:
    """A pod security context that the restricted Pod Security Standard admits."""
    return k8s.core.v1.PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=uid,
        run_as_group=gid,
        fs_group=gid,
        supplemental_groups=list(more_groups) or None,
        # A large volume is not walked at every start, only when its root has the wrong owner.
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=k8s.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security(*, privileged: bool = False) -> k8s.core.v1.SecurityContextArgs:
    """A container security context that the restricted Pod Security Standard admits, unless privileged."""
    return k8s.core.v1.SecurityContextArgs(
        privileged=privileged or None,
        # Kubernetes refuses False for a privileged container.
        allow_privilege_escalation=privileged,
        read_only_root_filesystem=True,
        capabilities=k8s.core.v1.CapabilitiesArgs(drop=["ALL"]),
    )


def secret_environment(secret_name: pulumi.Input[str], variables: Sequence[str]) -> list[k8s.core.v1.EnvVarArgs]:
    """Environment variables that are read from the Secret's keys of the same names."""
    return [
        k8s.core.v1.EnvVarArgs(
            name=variable,
            value_from=k8s.core.v1.EnvVarSourceArgs(
                secret_key_ref=k8s.core.v1.SecretKeySelectorArgs(name=secret_name, key=variable)
            ),
        )
        for variable in variables
    ]


def exec_probe(command: Sequence[str], *, period: int, failures: int, timeout: int = 5) -> k8s.core.v1.ProbeArgs:
    """A probe that runs a command every `period` seconds and gives up after `failures` in a row."""
    return k8s.core.v1.ProbeArgs(
        exec_=k8s.core.v1.ExecActionArgs(command=list(command)),
        period_seconds=period,
        failure_threshold=failures,
        timeout_seconds=timeout,
    )


def empty_dir(name: str) -> k8s.core.v1.VolumeArgs:
    """A scratch volume that lives as long as its pod."""
    return k8s.core.v1.VolumeArgs(name=name, empty_dir=k8s.core.v1.EmptyDirVolumeSourceArgs())


def memory_dir(name: str) -> k8s.core.v1.VolumeArgs:
    """A scratch volume in memory, which counts towards the container's limit.

    For /dev/shm: a container's own has 64 MiB, too little for PostgreSQL's parallel queries.
    """
    source = k8s.core.v1.EmptyDirVolumeSourceArgs(medium="Memory")
    return k8s.core.v1.VolumeArgs(name=name, empty_dir=source)


def mount(name: pulumi.Input[str], path: pulumi.Input[str]) -> k8s.core.v1.VolumeMountArgs:
    """A writable mount of the pod's volume `name`."""
    return k8s.core.v1.VolumeMountArgs(name=name, mount_path=path)


def claim_template(
    name: pulumi.Input[str], size: pulumi.Input[str], storage_class: pulumi.Input[str | None] | None
) -> k8s.core.v1.PersistentVolumeClaimArgs:
    """A claim of which a StatefulSet makes one for every pod (ReadWriteOnce)."""
    return k8s.core.v1.PersistentVolumeClaimArgs(
        metadata=k8s.meta.v1.ObjectMetaArgs(name=name),
        spec=k8s.core.v1.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            # The SDK leaves out what resolves to None, which its types do not say.
            storage_class_name=cast("pulumi.Input[str] | None", storage_class),
            resources=k8s.core.v1.VolumeResourceRequirementsArgs(requests={"storage": size}),
        ),
    )


def resources(
    requests: Mapping[str, pulumi.Input[str]] | None,
    limits: Mapping[str, pulumi.Input[str]] | None,
    *,
    claims: Sequence[pulumi.Input[str]] = (),
) -> k8s.core.v1.ResourceRequirementsArgs:
    """Container resources; None leaves a part to the cluster's defaults. `claims` are names of the pod's."""
    return k8s.core.v1.ResourceRequirementsArgs(
        requests=requests,
        limits=limits,
        claims=[k8s.core.v1.ResourceClaimArgs(name=claim) for claim in claims] or None,
    )
