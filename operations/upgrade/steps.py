"""The steps of an upgrade: stop, dump, (the new version migrates alone), start; or put back and start the old one.

Two versions must never run on one database: Jellyfin migrates without a lock, and a version that starts late can
revert the migrations of a newer one. Where an upgrade is, is written on the servers' StatefulSet in the same step that
stops or starts them, so that an upgrade that was killed is known and can be gone on with.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from ..cluster import Cluster, Workload
from ..deployment import database
from ..errors import UserError
from ..naming import size
from ..progress import in_lines
from . import scripts
from .schema import SchemaState, read_schema

MARK = "jellyfin-ha/upgrade"
# The grace period of a server's pod, and a node that is slow.
STOP_SECONDS = 180.0
# Of the largest home libraries: gigabytes on slow disks.
DUMP_SECONDS = 60 * 60.0
QUICK_SECONDS = 60.0
POLL_SECONDS = 0.5
# The dumps that stay: of this upgrade and of the one before.
KEPT_DUMPS = 2
# A dump is compressed; putting it back needs the room of a second database.
ROOM = 1.5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """The deployment that is upgraded.

    Args:
        servers: the name of the servers' StatefulSet.
        server: the labels of the servers' pods.
        database: the labels of PostgreSQL's pod.
        database_secret: the Secret with its credentials.
        schema_upgrade: the labels of the Job that migrates the schema, and of its pods.
    """

    servers: str
    server: Mapping[str, str]
    database: Mapping[str, str]
    database_secret: str
    schema_upgrade: Mapping[str, str]


@dataclass(frozen=True)
class _Mark:
    """An upgrade that is under way; `dump` is None while nothing but the servers has been touched."""

    previous: str
    replicas: int
    stopped_at: float
    dump: str | None = None

    @staticmethod
    def on(servers: Workload) -> "_Mark | None":
        text = servers.annotations.get(MARK)
        return _Mark(**json.loads(text)) if text else None

    def annotation(self) -> dict[str, str | None]:
        return {MARK: json.dumps(asdict(self), sort_keys=True)}


async def begin(cluster: Cluster, target: Target, image: str, say: Say) -> None:
    """Stops the servers and dumps the database, before a server of `image` may touch it.

    Nothing is done where there are no servers yet, or where they are of this image. An upgrade that was killed is
    gone on with: the database is put back first, because nobody knows how far it had come.

    Raises:
        UserError: the database is newer than `image`, there is no room for the dump, a server does not stop, or the
            dump failed. The servers run again as before.
    """
    servers = await cluster.workload(target.servers)
    if servers is None:
        return
    mark = _Mark.on(servers)
    if mark is not None and servers.replicas > 0:
        # It was done but for its last step: the servers were started again.
        await cluster.scale(target.servers, servers.replicas, {MARK: None})
        mark = None
    if mark is None and servers.image == image:
        return
    if mark is not None and mark.dump is not None:
        say("an upgrade was cut short: its servers are stopped, and the database is put back first")
        await _no_other_upgrade(cluster, target)
        await _restore(cluster, target, mark.dump, say)
    (await _schema(cluster, target, image)).require_not_newer(image)
    if mark is not None and mark.dump is not None:
        return
    await _require_room(cluster, target)
    if mark is None:
        mark = _Mark(previous=servers.image, replicas=servers.replicas, stopped_at=time.time())
        say(f"from {servers.image} to {image}: nobody is served until the new servers are ready")
        await cluster.scale(target.servers, 0, mark.annotation())
    try:
        await _gone(cluster, target.server, "the servers")
        say("all servers are stopped")
        await _no_other_upgrade(cluster, target)
        dump = await _dump(cluster, target, say)
        await cluster.scale(target.servers, 0, replace(mark, dump=dump).annotation())
    except BaseException:
        await _start_again(cluster, target, mark, say)
        raise


async def give_up(cluster: Cluster, target: Target, say: Say) -> None:
    """Puts the dump back and starts the servers as they were, when the new version could not migrate.

    Does nothing when no upgrade is under way.

    Raises:
        UserError: the database could not be put back; the servers stay stopped, and the message says what to do.
    """
    servers = await cluster.workload(target.servers)
    mark = _Mark.on(servers) if servers is not None else None
    if mark is None:
        return
    # A Job that was only waited for too long still has its server.
    await cluster.suspend_jobs(target.schema_upgrade)
    await _gone(cluster, target.schema_upgrade, "the schema upgrade")
    if mark.dump is not None:
        say("the upgrade failed: the database is put back as it was")
        try:
            await _restore(cluster, target, mark.dump, say)
        except UserError as error:
            raise UserError(
                f"{error}. The servers are stopped, and the dump is in PostgreSQL's pod, upgrades/{mark.dump} beside "
                "its data; docs/upgrades.md says how to go on"
            ) from error
    await _start_again(cluster, target, mark, say)


async def finish(cluster: Cluster, target: Target, say: Say) -> None:
    """Ends an upgrade whose servers are ready: tells how long nobody was served, and deletes old dumps."""
    servers = await cluster.workload(target.servers)
    mark = _Mark.on(servers) if servers is not None else None
    if servers is None or mark is None:
        return
    say(f"upgraded from {mark.previous}: {time.time() - mark.stopped_at:.0f} s without a server")
    await cluster.scale(target.servers, servers.replicas, {MARK: None})
    await _run(cluster, target, scripts.script(scripts.PRUNE, keep=str(KEPT_DUMPS)), say)


async def _schema(cluster: Cluster, target: Target, image: str) -> SchemaState:
    async with database(cluster, secret_name=target.database_secret, selector=target.database) as conninfo:
        return await asyncio.to_thread(read_schema, conninfo, image)


async def _require_room(cluster: Cluster, target: Target) -> None:
    printed = await _run(cluster, target, scripts.script(scripts.SPACE), lambda _: None)
    taken, free = (int(part) for part in printed.split())
    if free < taken * ROOM:
        raise UserError(
            f"expected {size(int(taken * ROOM))} free on the database's volume, for a dump and for putting it back, "
            f"found {size(free)}: enlarge the volume, or delete old dumps in upgrades/ beside the data"
        )


async def _dump(cluster: Cluster, target: Target, say: Say) -> str:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    await _run(cluster, target, scripts.script(scripts.DUMP, name=name), say, seconds=DUMP_SECONDS)
    say(f"the database is dumped: {name}")
    return name


async def _restore(cluster: Cluster, target: Target, dump: str, say: Say) -> None:
    await _run(cluster, target, scripts.script(scripts.RESTORE, name=dump), say, seconds=DUMP_SECONDS)


async def _run(cluster: Cluster, target: Target, script: str, say: Say, *, seconds: float = QUICK_SECONDS) -> str:
    return await cluster.run(target.database, script, progress=in_lines(say), seconds=seconds)


async def _start_again(cluster: Cluster, target: Target, mark: _Mark, say: Say) -> None:
    await cluster.scale(target.servers, mark.replicas, {MARK: None})
    say(f"{mark.previous} is started again, after {time.time() - mark.stopped_at:.0f} s")


async def _no_other_upgrade(cluster: Cluster, target: Target) -> None:
    """Ends what a killed update left running; one that had ended well must run again, on this database."""
    await cluster.delete_jobs(target.schema_upgrade)
    await _gone(cluster, target.schema_upgrade, "the schema upgrade")


async def _gone(cluster: Cluster, selector: Mapping[str, str], what: str) -> None:
    clock = asyncio.get_running_loop().time
    end = clock() + STOP_SECONDS
    while running := [pod.name for pod in await cluster.pods(selector) if not pod.ended]:
        if clock() > end:
            raise UserError(
                f"expected {what} to stop within {STOP_SECONDS:g} s, found {', '.join(running)} still there: if the "
                "node is dead, delete its pods with `kubectl delete pod --force` once that is certain"
            )
        await asyncio.sleep(POLL_SECONDS)
