"""Leases in Redis that two servers can trust: what the deployment needs before any server may lead."""

from .seed import SeedReport, seed
from .status import LeaseStatus, status

__all__ = ["LeaseStatus", "SeedReport", "seed", "status"]
