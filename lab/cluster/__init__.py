"""A three-node Kubernetes on one machine, made of namespaces: real kubelets, one kernel."""

from .host import check_host
from .images import Image
from .lifecycle import GRACE_SECONDS, down, node_kill, node_start, node_stop, purge, up
from .node import ROLE_LABEL
from .status import ClusterStatus, NodeStatus, ProcessStatus, logs, process_names, status
from .volumes import STORAGE_CLASS, shared_folder

__all__ = [
    "GRACE_SECONDS",
    "ROLE_LABEL",
    "STORAGE_CLASS",
    "ClusterStatus",
    "Image",
    "NodeStatus",
    "ProcessStatus",
    "check_host",
    "down",
    "logs",
    "node_kill",
    "node_start",
    "node_stop",
    "process_names",
    "purge",
    "shared_folder",
    "status",
    "up",
]
