"""A Redis, its replica and the Sentinels that watch them."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import redis

from tests.integration.processes import RedisServer, end, free_port, running_redis, wait_until

MASTER = "leases"
DOWN_AFTER_MS = 1000
LOG_CHARACTERS = 4000


@dataclass(frozen=True)
class Watched:
    """A master, its replica and the Sentinels.

    Args:
        servers: master and replica at first.
        sentinels: port and process of each.
        password: of the servers.
        sentinel_password: of the Sentinels; None when they ask for none.
    """

    servers: tuple[RedisServer, RedisServer]
    sentinels: tuple[tuple[int, subprocess.Popen[bytes]], ...]
    password: str
    sentinel_password: str | None

    @property
    def url(self) -> str:
        """What an `Endpoint` takes."""
        hosts = ",".join(f"127.0.0.1:{port}" for port, _ in self.sentinels)
        own = f"?sentinel_password={self.sentinel_password}" if self.sentinel_password else ""
        return f"redis+sentinel://:{self.password}@{hosts}/{MASTER}{own}"

    def sentinel(self, place: int = 0) -> redis.Redis:
        """A client of one Sentinel."""
        port = self.sentinels[place][0]
        return redis.Redis(port=port, password=self.sentinel_password, decode_responses=True, socket_timeout=5)

    def master(self) -> RedisServer:
        """Who is the master, as the last Sentinel says."""
        with self.sentinel(-1) as client:
            _, port = client.sentinel_get_master_addr_by_name(MASTER)
        return next(server for server in self.servers if server.port == int(port))

    def other(self) -> RedisServer:
        """The server that is not the master."""
        master = self.master()
        return next(server for server in self.servers if server is not master)

    def fail_over(self) -> None:
        """Make the replica the master, and the master a replica, in order."""
        before = self.master()
        with self.sentinel(-1) as client:
            client.sentinel_failover(MASTER)
        wait_until(lambda: self.master() is not before, seconds=20, what="fail-over")
        wait_until(lambda: _role(before) == "slave", seconds=30, what="the old master's demotion")

    def _settled(self) -> bool:
        for place in range(len(self.sentinels)):
            try:
                with self.sentinel(place) as client:
                    state = cast(dict[str, dict[str, object]], client.sentinel_masters())[MASTER]
                    replicas = cast(list[dict[str, object]], client.sentinel_slaves(MASTER))
            except (redis.RedisError, KeyError):
                return False
            healthy = [one for one in replicas if one["flags"] == "slave" and one["master-link-status"] == "ok"]
            if state["num-other-sentinels"] != len(self.sentinels) - 1 or len(healthy) != 1:
                return False
        return True

    def settle(self) -> None:
        """Wait until every Sentinel knows the others and a replica that is in step."""
        wait_until(self._settled, seconds=40, what="Sentinels that know everybody")


@contextmanager
def watched_redis(*, sentinels: int = 1, sentinel_password: str | None = None) -> Generator[Watched]:
    """Start all of it, and wait until every Sentinel knows everybody."""
    password = secrets.token_hex(12)
    both = {"masterauth": password, "repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}
    with ExitStack() as running:
        master = running.enter_context(running_redis(password=password, settings=both))
        replica = running.enter_context(
            running_redis(password=password, settings={**both, "replicaof": f"127.0.0.1 {master.port}"})
        )
        processes = tuple(
            running.enter_context(
                running_sentinel(
                    master.port, str(master.password), quorum=sentinels // 2 + 1, password=sentinel_password
                )
            )
            for _ in range(sentinels)
        )
        watched = Watched((master, replica), processes, password, sentinel_password)
        watched.settle()
        yield watched


@contextmanager
def running_sentinel(
    master_port: int,
    master_password: str,
    *,
    quorum: int = 1,
    password: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Generator[tuple[int, subprocess.Popen[bytes]]]:
    """A Sentinel: its port and process.

    Args:
        master_port: of the master that it watches.
        master_password: of that.
        quorum: how many must find the master gone.
        password: what clients must say; None asks for none.
        settings: lines of its configuration beside the defaults; a `tls-port` is the one that is told.
    """
    root = Path(tempfile.mkdtemp(prefix="jellyfin-ha-sentinel-"))
    port = free_port()
    configuration = root / "sentinel.conf"
    chosen = {"port": str(port), "bind": "127.0.0.1", "protected-mode": "no", "dir": str(root), **(settings or {})}
    lines = [
        *(f"{name} {value}" for name, value in chosen.items()),
        f"sentinel monitor {MASTER} 127.0.0.1 {master_port} {quorum}",
        f"sentinel auth-pass {MASTER} {master_password}",
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
            yield int(chosen.get("tls-port", port)), process
        except BaseException:
            # pytest shows it with the test that failed.
            print((root / "log").read_text()[-LOG_CHARACTERS:])
            raise
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
