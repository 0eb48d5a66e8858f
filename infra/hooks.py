"""Work that `pulumi up` does in the running deployment, and the records that say it was done.

An after-hook that fails leaves its resource recorded as made, and the next update skips both. So each hook runs
*before* a small ConfigMap is made or changed that holds the fingerprint of its inputs: a hook that fails leaves no
record and runs again with the next update; one that succeeded runs again only when its inputs change; previews and
unchanged updates run nothing.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from jellyfin_ha.operations.cluster import Access, Cluster
from jellyfin_ha.operations.deployment import database, lease_store
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import seed
from jellyfin_ha.operations.migration import Options, migrate, read_record
from jellyfin_ha.operations.progress import in_lines

READ_REPAIRS = (
    "kubectl -n {namespace} exec statefulset/jellyfin-postgres -- psql -U jellyfin -d jellyfin -Atc "
    "\"SELECT jsonb_array_elements(report -> 'repairs') FROM jellyfin_ha.migration\""
)


def record(
    name: str,
    hook: Callable[[], Awaitable[None]],
    *,
    metadata: k8s.meta.v1.ObjectMetaArgs,
    fingerprint: str,
    opts: pulumi.ResourceOptions | None = None,
) -> k8s.core.v1.ConfigMap:
    """A ConfigMap that exists, with this fingerprint, only once `hook` has succeeded.

    Args:
        name: of the resource, and of the hook in its errors.
        hook: what to do; an exception fails the update and leaves the record as it was.
        metadata: of the ConfigMap.
        fingerprint: of everything the hook's work depends on.
        opts: such as what must run before the hook.
    """

    async def run(_: pulumi.ResourceHookArgs) -> None:
        try:
            await hook()
        except UserError as error:
            raise RuntimeError(f"{name}: {error}") from error

    bound = pulumi.ResourceHook(f"{name}-hook", run)
    return k8s.core.v1.ConfigMap(
        name,
        metadata=metadata,
        data={"fingerprint": fingerprint},
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[bound], before_update=[bound])),
        ),
    )


def fingerprint_of(**inputs: str | int | None) -> str:
    """A hash that changes when one of the inputs does."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def migrate_database(
    access: Access,
    *,
    source: Path,
    options: Options,
    secret_name: str,
    selector: Mapping[str, str],
    servers: Mapping[str, str],
) -> Callable[[], Awaitable[None]]:
    """The hook that fills the server's new database from `source`; does nothing when that was done before.

    It prints what it did, and how to read the list of what it repaired, which the database keeps.
    It refuses while pods with the labels `servers` exist: a server that runs would go on with what it has cached.
    """

    async def hook() -> None:
        cluster = await Cluster.connect(access)
        async with database(cluster, secret_name=secret_name, selector=selector) as conninfo:
            running = await cluster.pods(servers)
            if running and await asyncio.to_thread(read_record, conninfo) is None:
                raise UserError(
                    f"expected no server beside a migration, found {', '.join(pod.name for pod in running)}: stop them "
                    f"with `kubectl -n {access.namespace} scale statefulset jellyfin --replicas=0` and run the update "
                    "again, which starts them again"
                )
            result = await asyncio.to_thread(
                migrate, source, conninfo, options=options, progress=in_lines(partial(print, flush=True))
            )
        print(result.summary())
        if result.repairs:
            print(f"Each repair, one a line: {READ_REPAIRS.format(namespace=access.namespace)}")

    return hook


def seed_leases(
    access: Access, *, secret_name: str, selector: Mapping[str, str], memory_limit_bytes: int
) -> Callable[[], Awaitable[None]]:
    """The hook that proves that the lease store is fit to hold leases, and seeds them."""

    async def hook() -> None:
        cluster = await Cluster.connect(access)
        async with lease_store(cluster, secret_name=secret_name, selector=selector) as endpoint:
            report = await asyncio.to_thread(seed, endpoint, memory_limit_bytes=memory_limit_bytes)
        print(report.summary())

    return hook
