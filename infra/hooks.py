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
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from jellyfin_ha.operations.cluster import Access, Cluster
from jellyfin_ha.operations.deployment import database, lease_store
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import seed
from jellyfin_ha.operations.migration import Options, migrate, read_record
from jellyfin_ha.operations.progress import in_lines
from jellyfin_ha.operations.upgrade import Target, begin, finish, give_up, record_schema

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

    bound = _bound(name, hook)
    return k8s.core.v1.ConfigMap(
        name,
        metadata=metadata,
        data={"fingerprint": fingerprint},
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[bound], before_update=[bound])),
        ),
    )


def _bound(name: str, hook: Callable[[], Awaitable[None]]) -> pulumi.ResourceHook:
    async def run(_: pulumi.ResourceHookArgs) -> None:
        try:
            await hook()
        except UserError as error:
            raise RuntimeError(f"{name}: {error}") from error

    return pulumi.ResourceHook(f"{name}-hook", run)


def around_upgrade(access: Access, target: Target, *, image: str) -> pulumi.ResourceTransformation:
    """Binds an upgrade's first steps to the Job of a SchemaUpgrade, and the way back to the Job's failure.

    A transformation of the component, because hooks belong to what the component makes.
    """

    async def before() -> None:
        await begin(await Cluster.connect(access), target, image, _say)

    async def failed(_: pulumi.ErrorHookArgs) -> bool:
        try:
            await give_up(await Cluster.connect(access), target, _say)
        except UserError as error:
            raise RuntimeError(f"jellyfin-upgrade: {error}") from error
        return False

    hooks = pulumi.ResourceHookBinding(
        before_create=[_bound("jellyfin-upgrade-begin", before)],
        on_error=[pulumi.ErrorHook("jellyfin-upgrade-failed", failed)],
    )

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ != "kubernetes:batch/v1:Job":
            return None
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(hooks=hooks))
        return pulumi.ResourceTransformationResult(args.props, opts)

    return transform


def note_schema(
    access: Access, *, secret_name: str, selector: Mapping[str, str], image: str
) -> Callable[[], Awaitable[None]]:
    """The hook that notes which image has prepared the schema; no server of another image starts then."""

    async def hook() -> None:
        cluster = await Cluster.connect(access)
        async with database(cluster, secret_name=secret_name, selector=selector) as conninfo:
            count = await asyncio.to_thread(record_schema, conninfo, image)
        print(f"The schema is that of {image}: {count} migrations.")

    return hook


def end_upgrade(access: Access, target: Target) -> Callable[[], Awaitable[None]]:
    """The hook that ends an upgrade when the new servers are ready."""

    async def hook() -> None:
        await finish(await Cluster.connect(access), target, _say)

    return hook


def _say(message: str) -> None:
    print(message, flush=True)


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
            result = await asyncio.to_thread(migrate, source, conninfo, options=options, progress=in_lines(_say))
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
