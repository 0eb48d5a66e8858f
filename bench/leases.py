"""What a lease costs, beside the least that the same client can ask of the same Redis.

    python -m bench.leases --seconds 3 --rounds 3

One asyncio process asks with many tasks at once, each way in turn in each round: a script that does nothing, a script
that writes one key, and the operations on a transcode session. The table shows medians and ratios; the latency of
`redis-benchmark`, a client in C, stands beside them. With `appendfsync always`, as the deployment has it, whatever
writes waits for the disk, so that only the second script is a peer; without, both are.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median, quantiles

import redis.asyncio
from rich import box
from rich.console import Console
from rich.table import Table

from jellyfin_ha.operations.leases import (
    AsyncRedisStore,
    Endpoint,
    Given,
    Patience,
    RoleHeld,
    RoleLease,
    Timing,
    TranscodeSession,
    TranscodeSessions,
    seed,
)
from jellyfin_ha.operations.leases.calls import Call, Reply
from tests.integration.processes import RedisServer, running_redis

TASKS = 32
LEASE = Timing(lease_ms=60_000, renew_ms=20_000, retention_ms=120_000)
NOTHING = "return 1"
ONE_WRITE = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1"

Once = Callable[[int], Awaitable[object]]


@dataclass(frozen=True)
class Run:
    """One way, once: calls a second, and the 99th percentile of their latency in ms."""

    rate: float
    p99: float


class Bench:
    """One client, one Redis, a session for each task."""

    def __init__(self, client: redis.asyncio.Redis, seconds: float) -> None:
        self._store = AsyncRedisStore(client)
        self._client = client
        self._seconds = seconds
        self._sessions = TranscodeSessions(LEASE)
        self._held: list[tuple[TranscodeSession, int]] = []
        self._role = RoleLease("bench", "jellyfin-0", LEASE.lease_ms)
        self._term = 0

    async def prepare(self) -> None:
        """Win the leases."""
        await self._client.set("jellyfin-ha:fence:bench", 1)
        won = await self._store.do(self._role.acquire())
        assert isinstance(won, RoleHeld)
        self._term = won.term
        for task in range(TASKS):
            session = TranscodeSession(
                play_session_id=f"{task:032x}",
                owner="jellyfin-0",
                manifest_path=f"/data/transcode/{task:032x}.m3u8",
                segment_path_prefix=f"/data/transcode/{task:032x}",
                media_source_id=f"{task:032x}",
            )
            held = await self._store.do(self._sessions.create(session))
            assert isinstance(held, Given)
            self._held.append((session, held.token))

    def ways(self) -> dict[str, Once]:
        """What is measured, by its name."""

        def trivial(script: str, *arguments: str | int) -> Once:
            async def once(task: int) -> object:
                call = Call(script, (f"bench:{task}",), arguments, _as_it_is, lambda _: None)
                return await self._store.do(call)

            return once

        async def renew(task: int) -> object:
            return await self._store.do(self._sessions.renew(*self._held[task]))

        async def progress(task: int) -> object:
            return await self._store.do(self._sessions.progress(*self._held[task]))

        async def take_over(task: int) -> object:
            # The lease that it asks for has ended: see `end_leases`.
            session, _ = self._held[task]
            return await self._store.do(self._sessions.take_over(session, "jellyfin-1"))

        async def renew_role(_: int) -> object:
            return await self._store.do(self._role.renew(self._term))

        return {
            "a script that does nothing": trivial(NOTHING),
            "a script that writes one key": trivial(ONE_WRITE, "x" * 300, 120_000),
            "renew a session": renew,
            "report progress": progress,
            "ask to take over (it is held)": take_over,
            "renew the leader": renew_role,
        }

    async def run(self, once: Once) -> Run:
        """Ask with all tasks until the time is over."""
        took: list[float] = []
        deadline = time.perf_counter() + self._seconds

        async def ask(task: int) -> None:
            before = time.perf_counter()
            while before < deadline:
                assert await once(task) is not None
                after = time.perf_counter()
                took.append(after - before)
                before = after

        started = time.perf_counter()
        await asyncio.gather(*(ask(task) for task in range(TASKS)))
        return Run(len(took) / (time.perf_counter() - started), _p99(took) * 1000)

    async def take_overs(self, count: int) -> tuple[Run, int]:
        """Take over sessions whose leases have ended, one after the other; and how many round trips that took."""
        gone = [TranscodeSession(play_session_id=f"gone-{number}", owner="jellyfin-0") for number in range(count)]
        for session in gone:
            text = json.dumps(json.loads(session.text()) | {"LeaseExpiresUnixTimeMilliseconds": 1})
            await self._client.set(f"jellyfin:transcode:{session.play_session_id}", text, px=120_000)
        before = await self._calls()
        took: list[float] = []
        started = time.perf_counter()
        for session in gone:
            at = time.perf_counter()
            held = await self._store.do(self._sessions.take_over(session, "jellyfin-1"))
            assert isinstance(held, Given)
            took.append(time.perf_counter() - at)
        run = Run(count / (time.perf_counter() - started), _p99(took) * 1000)
        return run, await self._calls() - before

    async def _calls(self) -> int:
        """Scripts that Redis was asked for, by their text or name."""
        found = await self._client.info("commandstats")
        return sum(int(found.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


def _as_it_is(reply: Reply, _: float) -> Reply:
    return reply


def _p99(took: list[float]) -> float:
    return quantiles(took, n=100)[98]


def in_c(server: RedisServer, calls: int) -> Run:
    """redis-benchmark with as many clients, asking for the script that writes one key."""
    sha = server.client().script_load(ONE_WRITE)
    done = subprocess.run(
        [
            *("redis-benchmark", "--csv", "-p", str(server.port), "-a", str(server.password)),
            *("-n", str(calls), "-c", str(TASKS)),
            *("EVALSHA", str(sha), "1", "bench:c", "x" * 300, "120000"),
        ],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    *_, row = csv.DictReader(io.StringIO(done.stdout))
    return Run(float(row["rps"]), float(row["p99_latency_ms"]))


@asynccontextmanager
async def _bench(server: RedisServer, seconds: float) -> AsyncIterator[Bench]:
    client = Endpoint(server.url).async_client(Patience(tries=1))
    try:
        bench = Bench(client, seconds)
        await bench.prepare()
        yield bench
    finally:
        await client.aclose()


async def measure(server: RedisServer, seconds: float, rounds: int) -> tuple[dict[str, list[Run]], str]:
    """All ways, in turn."""
    async with _bench(server, seconds) as bench:
        runs: dict[str, list[Run]] = {}
        for number in range(rounds):
            ways = list(bench.ways().items())
            # Nobody is always first.
            for way, once in ways[number % len(ways) :] + ways[: number % len(ways)]:
                runs.setdefault(way, []).append(await bench.run(once))
            runs.setdefault("redis-benchmark, one key", []).append(in_c(server, int(seconds * 20_000)))
        count = 500
        run, trips = await bench.take_overs(count)
        return runs, f"{count} take-overs, one after the other: {trips} round trips, p99 {run.p99:.2f} ms"


def show(title: str, runs: dict[str, list[Run]], note: str) -> None:
    """Print medians and ratios."""
    table = Table("way", "calls/s", "to nothing", "to one key", "p99 ms", box=box.MARKDOWN)
    rates = {way: median(run.rate for run in found) for way, found in runs.items()}
    for way, found in runs.items():
        table.add_row(
            way,
            f"{rates[way]:,.0f}",
            f"{rates[way] / rates['a script that does nothing']:.2f}",
            f"{rates[way] / rates['a script that writes one key']:.2f}",
            f"{median(run.p99 for run in found):.2f}",
        )
    console = Console(width=120)
    console.print(f"{title}; {TASKS} at once, medians of {len(next(iter(runs.values())))} rounds", highlight=False)
    console.print(table)
    console.print(note, highlight=False)


def main() -> None:
    """Run and print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    for sync in ("no", "always"):
        # A rewrite of the file would fall to whoever is measured then.
        with running_redis(settings={"auto-aof-rewrite-percentage": "0"}) as server:
            endpoint_ready(server, sync)
            runs, note = asyncio.run(measure(server, chosen.seconds, chosen.rounds))
        show(f"appendfsync {sync}", runs, note)


def endpoint_ready(server: RedisServer, sync: str) -> None:
    """Seed while Redis is fit, then let it write as the measurement wants."""
    seed(Endpoint(server.url), pause_ms=0)
    server.client().config_set("appendfsync", sync)


if __name__ == "__main__":
    sys.exit(main())
