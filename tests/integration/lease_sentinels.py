"""A Redis, its replica and a Sentinel that watches them."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import redis

from tests.integration.processes import RedisServer, end, free_port, running_redis, wait_until

MASTER = "leases"
DOWN_AFTER_MS = 1000


@dataclass(frozen=True)
class Watched:
    """A master, its replica and a Sentinel.

    Args:
        servers: master and replica at first.
        port: of the Sentinel.
        password: of the servers.
        sentinel_password: of the Sentinel; None when it asks for none.
    """

    servers: tuple[RedisServer, RedisServer]
    port: int
    password: str
    sentinel_password: str | None

    @property
    def url(self) -> str:
        """What an `Endpoint` takes."""
        own = f"?sentinel_password={self.sentinel_password}" if self.sentinel_password else ""
        return f"redis+sentinel://:{self.password}@127.0.0.1:{self.port}/{MASTER}{own}"

    def sentinel(self) -> redis.Redis:
        """A client of the Sentinel."""
        return redis.Redis(port=self.port, password=self.sentinel_password, decode_responses=True, socket_timeout=5)

    def master(self) -> RedisServer:
        """Who is the master, as the Sentinel says."""
        with self.sentinel() as client:
            _, port = client.sentinel_get_master_addr_by_name(MASTER)
        return next(server for server in self.servers if server.port == int(port))

    def fail_over(self) -> None:
        """Make the replica the master, and the master a replica, in order."""
        before = self.master()
        with self.sentinel() as client:
            client.sentinel_failover(MASTER)
        wait_until(lambda: self.master() is not before, seconds=20, what="fail-over")
        wait_until(lambda: _role(before) == "slave", seconds=30, what="the old master's demotion")

    def _settled(self) -> bool:
        try:
            with self.sentinel() as client:
                replicas = cast(list[dict[str, object]], client.sentinel_slaves(MASTER))
        except redis.RedisError:
            return False
        return [(one["flags"], one["master-link-status"]) for one in replicas] == [("slave", "ok")]

    def settle(self) -> None:
        """Wait until the Sentinel knows a replica that is in step."""
        wait_until(self._settled, seconds=40, what="a Sentinel that knows everybody")


@contextmanager
def watched_redis(*, sentinel_password: str | None = None) -> Generator[Watched]:
    """Start all of it, with one Sentinel, and wait until it knows everybody."""
    password = secrets.token_hex(12)
    both = {"masterauth": password, "repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}
    with ExitStack() as running:
        master = running.enter_context(running_redis(password=password, settings=both))
        replica = running.enter_context(
            running_redis(password=password, settings={**both, "replicaof": f"127.0.0.1 {master.port}"})
        )
        port = running.enter_context(_sentinel(master, password=sentinel_password))
        watched = Watched((master, replica), port, password, sentinel_password)
        watched.settle()
        yield watched


@contextmanager
def _sentinel(master: RedisServer, *, password: str | None) -> Generator[int]:
    """Its port."""
    root = Path(tempfile.mkdtemp(prefix="jellyfin-ha-sentinel-"))
    port = free_port()
    configuration = root / "sentinel.conf"
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        "protected-mode no",
        f"dir {root}",
        f"sentinel monitor {MASTER} 127.0.0.1 {master.port} 1",
        f"sentinel auth-pass {MASTER} {master.password}",
        f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {MASTER} 3000",
        *([f"requirepass {password}"] if password else []),
    ]
    configuration.write_text("\n".join(lines) + "\n")
    try:
        with (root / "log").open("wb") as sink:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", "redis-server", str(configuration), "--sentinel"],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=root,
            )
        try:
            yield port
        finally:
            end(process, gently=signal.SIGTERM)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _role(server: RedisServer) -> str:
    try:
        with server.client() as client:
            return str(cast(dict[str, object], client.info("replication"))["role"])
    except redis.RedisError:
        return "unknown"
