"""The stack's settings: their model, and all that is made from it."""

from .gpu import DraGpu, Gpu, HostPathGpu, IntelGpu, NvidiaGpu
from .model import (
    PROJECT,
    Claim,
    Database,
    LeaseStore,
    Longhorn,
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
    "Gpu",
    "HostPathGpu",
    "IntelGpu",
    "LeaseStore",
    "Longhorn",
    "Migration",
    "Nfs",
    "NvidiaGpu",
    "PerPod",
    "Resources",
    "Server",
    "Service",
    "Settings",
    "Shared",
    "Storage",
    "parse_settings",
    "reference",
    "stack_file_schema",
    "with_reference",
]
