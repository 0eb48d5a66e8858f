"""The processes of the lease torture: `python -m tests.integration.lease_workers ROLE --log FILE ...`.

Each takes part in what its role names, writes everything it believes into a log of its own, and ends at SIGTERM. The
password of Redis comes as `Endpoint.from_environment` has it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import time
from enum import StrEnum
from pathlib import Path

from jellyfin_ha.operations.leases import Endpoint, Patience, TranscodeSessions, open_store
from tests.integration.lease_log import SESSIONS, Log, What
from tests.integration.lease_role_worker import Manner, RoleWorker
from tests.integration.lease_session_worker import SessionWorker

# Short, so that answers that come too late and questions that are asked again are daily bread.
PATIENCE = Patience(connect_seconds=0.5, answer_seconds=0.7, tries=3)


class Part(StrEnum):
    """What a process takes part in."""

    CANDIDATE = "candidate"
    EVENTS = "events"
    BY_HAND = "by-hand"
    BACKGROUND = "background"
    SESSIONS = "sessions"
    READER = "reader"


def main() -> None:
    """Work until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", type=Part)
    parser.add_argument("--url", required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--owner", required=True)
    parser.add_argument("--life", type=int, required=True)
    parser.add_argument("--chance", type=int, required=True)
    parser.add_argument("--wall-shift", type=float, default=0.0)
    given = parser.parse_args()
    # It asks a candidate to depose the leader; none must die of it before it stands, or when it has another manner.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    _shift_wall_clock(given.wall_shift)
    chance = random.Random(f"{given.chance} {given.owner} {given.life}")
    log = Log(given.log, f"{given.owner}#{given.life}")
    log.add(What.STARTED, wall=time.time())
    endpoint = Endpoint.from_environment(given.url)
    match given.part:
        case Part.READER:
            _read(endpoint, log)
        case Part.SESSIONS:
            SessionWorker(given.owner, log, chance).run(endpoint, PATIENCE)
        case part:
            asyncio.run(RoleWorker(Manner(part), given.owner, log, chance).run(endpoint, PATIENCE))


def _shift_wall_clock(seconds: float) -> None:
    """Let this process take the time of day for another than it is."""
    right = time.time
    time.time = lambda: right() + seconds


def _read(endpoint: Endpoint, log: Log) -> None:
    """Write down all sessions that are there."""
    with open_store(endpoint, replicas=2) as store:
        asked = store.clock()
        listing = store.walk(TranscodeSessions().list())
    assert not listing.corrupt, listing.corrupt
    for found in listing.found:
        record = found.record
        log.add(
            What.FOUND,
            asked=asked,
            name=f"{SESSIONS}{record.play_session_id}",
            token=found.token or 0,
            life=record.media_source_id,
            segment=record.last_segment,
        )
    log.add(What.LISTED, asked=asked)


if __name__ == "__main__":
    main()
