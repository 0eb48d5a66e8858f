"""Lease stores with something in them, and the command on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jellyfin_ha.operations.leases import (
    Endpoint,
    Given,
    LiveStream,
    LiveStreams,
    RedisStore,
    Refused,
    RoleHeld,
    RoleLease,
    Store,
    Timing,
    TranscodeSession,
    TranscodeSessions,
    open_store,
    seed,
)
from jellyfin_ha.operations.leases.outcomes import LEAST_LEASE_MS
from jellyfin_ha.operations.leases.records import Record
from tests.integration.processes import running_redis

# What is started from a job in the background of a shell would not hear of Ctrl-C.
HEARING = ("env", "--default-signal=INT")
COMMAND = (*HEARING, str(Path(sys.executable).with_name("jellyfin-ha")))
OWN = ("JELLYFIN_HA_REDIS", "JELLYFIN_HA_REDIS_PASSWORD", "JELLYFIN_HA_REDIS_PASSWORD_FILE")


def environment(**further: str) -> dict[str, str]:
    """What the command runs with: nothing of ours but `further`, on a wide terminal."""
    return {**{name: value for name, value in os.environ.items() if name not in OWN}, **further}


def command(*arguments: str, given: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    return subprocess.run(
        [*COMMAND, "leases", *arguments],
        env=environment(**(given or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running_store() -> Generator[RedisStore]:
    """A Redis of its own that gives leases at once."""
    with running_redis() as server:
        seed(server.endpoint, pause_ms=0)
        client = server.endpoint.client()
        yield RedisStore(client)
        client.close()


@contextmanager
def seeded(url: str) -> Generator[Store]:
    """A store that gives leases at once."""
    endpoint = Endpoint(url)
    seed(endpoint, pause_ms=0)
    with open_store(endpoint, replicas=2) as store:
        yield store


def lead(store: Store, owner: str, *, role: str = "leader", lease_ms: int = 30_000) -> RoleHeld:
    """Let somebody lead."""
    won = store.do(RoleLease(role, owner, lease_ms).acquire())
    assert isinstance(won, RoleHeld)
    return won


def transcode(
    store: Store, play_session_id: str, owner: str = "jellyfin-0", *, expired: bool = False, **values: int
) -> Given[TranscodeSession]:
    """Let somebody transcode; expired: with a lease that ends at once."""
    timing = Timing(lease_ms=LEAST_LEASE_MS, renew_ms=1, retention_ms=60_000) if expired else Timing()
    return held(
        store.do(
            TranscodeSessions(timing).create(
                TranscodeSession(play_session_id=play_session_id, owner=owner, media_source_id="m1", **values)
            )
        )
    )


def stream(store: Store, live_stream_id: str, session_id: str, owner: str = "jellyfin-0") -> Given[LiveStream]:
    """Let somebody have a live stream open."""
    record = LiveStream(
        live_stream_id=live_stream_id, session_id=session_id, play_session_id=f"play-{session_id}", owner=owner
    )
    return held(store.do(LiveStreams().create(record)))


def held(outcome: Given[Record] | Refused) -> Given[Record]:
    """What must have been given."""
    assert isinstance(outcome, Given), outcome
    return outcome
