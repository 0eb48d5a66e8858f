"""The stack's settings: their model, and all that is made from it."""

from .gpu import DraGpu, Gpu, HostPathGpu, IntelGpu, NvidiaGpu
from .ingress import (
    GatewaySettings,
    IngressSettings,
    ParentSettings,
    PlainSettings,
    TlsSettings,
    TraefikSettings,
)
from .longhorn import KeptLonghorn, Longhorn, Part, own_class
from .model import (
    PROJECT,
    Claim,
    Database,
    LeaseStore,
    Migration,
    Nfs,
    PerPod,
    Resources,
    Server,
    Service,
    Settings,
    Shared,
    Storage,
)
from .parsing import SECRET, parse_settings
from .reference import reference, with_reference
from .schema import stack_file_schema

__all__ = [
    "PROJECT",
    "SECRET",
    "Claim",
    "Database",
    "DraGpu",
    "GatewaySettings",
    "Gpu",
    "HostPathGpu",
    "IngressSettings",
    "IntelGpu",
    "KeptLonghorn",
    "LeaseStore",
    "Longhorn",
    "Migration",
    "Nfs",
    "NvidiaGpu",
    "ParentSettings",
    "Part",
    "PerPod",
    "PlainSettings",
    "Resources",
    "Server",
    "Service",
    "Settings",
    "Shared",
    "Storage",
    "TlsSettings",
    "TraefikSettings",
    "own_class",
    "parse_settings",
    "reference",
    "stack_file_schema",
    "with_reference",
]
