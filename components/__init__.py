"""Pulumi component classes for Jellyfin on Kubernetes, each usable alone."""

from .jellyfin_server import JellyfinServer, JellyfinServerArgs
from .pod_storage import PodStorage, PodStorageArgs
from .postgres_database import PostgresDatabase, PostgresDatabaseArgs
from .redis_lease_store import RedisLeaseStore, RedisLeaseStoreArgs
from .schema_upgrade import SchemaUpgrade, SchemaUpgradeArgs
from .shared_storage import SharedStorage, SharedStorageArgs

__all__ = [
    "JellyfinServer",
    "JellyfinServerArgs",
    "PodStorage",
    "PodStorageArgs",
    "PostgresDatabase",
    "PostgresDatabaseArgs",
    "RedisLeaseStore",
    "RedisLeaseStoreArgs",
    "SchemaUpgrade",
    "SchemaUpgradeArgs",
    "SharedStorage",
    "SharedStorageArgs",
]
