"""What the lab puts into its cluster itself: the name server's rights and the local volumes."""

from ..instance import Instance
from . import volumes
from .api import Api

_DNS = "jellyfin-ha:coredns"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def ensure(instance: Instance) -> list[str]:
    """Makes what is missing; returns the local volumes that were emptied and offered again."""
    with Api(instance) as api:
        api.apply(f"{_RBAC}/clusterroles/{_DNS}", _dns_role())
        api.apply(f"{_RBAC}/clusterrolebindings/{_DNS}", _dns_binding())
        api.apply(f"/apis/storage.k8s.io/v1/storageclasses/{volumes.STORAGE_CLASS}", volumes.storage_class())
        return volumes.ensure_pool(instance, api)


def _dns_role() -> dict[str, object]:
    read = ["get", "list", "watch"]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": _DNS},
        "rules": [
            {"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": read},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        ],
    }


def _dns_binding() -> dict[str, object]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _DNS},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": _DNS},
        "subjects": [{"apiGroup": group, "kind": "User", "name": _DNS}],
    }
