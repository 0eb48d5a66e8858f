"""Pulumi component classes for Jellyfin on Kubernetes, each usable alone."""

from .gateway_ingress import GatewayIngress, GatewayIngressArgs
from .jellyfin_server import JellyfinServer, JellyfinServerArgs
from .plain_ingress import PlainIngress, PlainIngressArgs
from .pod_storage import PodStorage, PodStorageArgs
from .postgres_database import PostgresDatabase, PostgresDatabaseArgs
from .redis_lease_store import RedisLeaseStore, RedisLeaseStoreArgs
from .schema_upgrade import SchemaUpgrade, SchemaUpgradeArgs
from .shared_storage import SharedStorage, SharedStorageArgs
from .traefik_ingress import TraefikIngress, TraefikIngressArgs

__all__ = [
    "GatewayIngress",
    "GatewayIngressArgs",
    "JellyfinServer",
    "JellyfinServerArgs",
    "PlainIngress",
    "PlainIngressArgs",
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
    "TraefikIngress",
    "TraefikIngressArgs",
]
