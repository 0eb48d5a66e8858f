"""Everything that is in a lease store, read without changing anything."""

import time
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from typing import cast

import redis

from ..errors import UserError
from .calls import Call, Reply, Steps, scanned
from .connection import Endpoint, Patience, explained
from .keys import RECORD_COUNTERS, ROLE, SCHEMA_KEY, fence_key, lease_key, pause_key
from .kinds import LiveStreams, TranscodeSessions
from .outcomes import Corrupt, Found
from .records import LiveStream, TranscodeSession
from .rehearsal import SCRATCH_ROLE
from .status import LeaseStatus, role_state
from .store import RedisStore

# The store as a whole. KEYS: 1 schema, then counters, then pauses. ARGV: 1 how many counters.
# Result: {the schema's version or nil; the longest pause in ms, not above 0 when there is none; for each counter 1 when
# it is there, otherwise 0}.
STORE = """
local counters, pause, found = tonumber(ARGV[1]), 0, {}
for place = 1, counters do
  found[place] = redis.call('EXISTS', KEYS[1 + place])
end
for place = 2 + counters, #KEYS do
  pause = math.max(pause, redis.call('PTTL', KEYS[place]))
end
return {redis.call('GET', KEYS[1]), pause, unpack(found)}
"""

LOOK_SECONDS = 1.0
# Who looks on wants to be told that Redis is away, rather than to wait for it.
LOOKING = Patience(connect_seconds=2.0, answer_seconds=3.0, tries=1)


@dataclass(frozen=True)
class Overview:
    """What is in a lease store.

    Args:
        schema: the version of what this project keeps there; None when it keeps nothing.
        unseeded: the kinds of records whose tokens have no counter, so that nobody gets a lease on one.
        pause_ms: how long the store gives no lease of some kind yet; 0 when it gives all.
        roles: every role, by name; who leads it.
        sessions: every transcode session, by id.
        streams: every live stream, by id.
        corrupt: keys that hold something else than they should.
    """

    schema: str | None
    unseeded: tuple[str, ...]
    pause_ms: int
    roles: tuple[LeaseStatus, ...]
    sessions: tuple[Found[TranscodeSession], ...]
    streams: tuple[Found[LiveStream], ...]
    corrupt: tuple[Corrupt, ...]


@dataclass(frozen=True)
class Away:
    """The store could not be asked.

    Args:
        why: in words.
        seconds: for how long now.
    """

    why: str
    seconds: float


def overview() -> Steps[Overview]:
    """Look at everything; `Store.walk` and `AsyncStore.walk` run it. What comes and goes meanwhile may be missed."""
    names: set[str] = set()
    for prefix in (fence_key, lease_key):
        names |= yield from _names(prefix("x").removesuffix("x"))
    schema, unseeded, pause_ms = cast(tuple[str | None, tuple[str, ...], int], (yield _store(names)))
    roles: list[LeaseStatus] = []
    corrupt: list[Corrupt] = []
    for name in sorted(names):
        one = cast(LeaseStatus | Corrupt, (yield role_state(name)))
        if isinstance(one, Corrupt):
            corrupt.append(one)
        else:
            roles.append(one)
    sessions = yield from TranscodeSessions().list()
    streams = yield from LiveStreams().list()
    return Overview(
        schema,
        unseeded,
        pause_ms,
        tuple(roles),
        sessions.found,
        streams.found,
        (*corrupt, *sessions.corrupt, *streams.corrupt),
    )


def looks(endpoint: Endpoint, *, every_seconds: float = LOOK_SECONDS) -> Generator[Overview | Away]:
    """Look again and again, until closed.

    A Redis that does not answer is no error: it is told of, and asked again.

    Raises:
        UserError: exit code 1; Redis refuses the password, or to serve.
    """
    client = endpoint.client(LOOKING)
    store = RedisStore(client)
    last_answer = time.monotonic()
    try:
        while True:
            started = time.monotonic()
            try:
                with explained(endpoint):
                    seen: Overview | Away = store.walk(overview())
                last_answer = time.monotonic()
            except UserError as error:
                if not _passes(error.__cause__):
                    raise
                seen = Away(str(error), time.monotonic() - last_answer)
            yield seen
            time.sleep(max(started + every_seconds - time.monotonic(), 0))
    finally:
        client.close()


def _passes(cause: BaseException | None) -> bool:
    if isinstance(cause, redis.AuthenticationError):
        return False
    return isinstance(cause, redis.ConnectionError | redis.TimeoutError)


def _store(roles: Collection[str]) -> Call[tuple[str | None, tuple[str, ...], int]]:
    def read(reply: Reply, _: float) -> tuple[str | None, tuple[str, ...], int]:
        schema, pause, *counters = cast(Sequence[int | str | None], reply)
        unseeded = tuple(kind for kind, there in zip(RECORD_COUNTERS, counters, strict=True) if not there)
        return cast(str | None, schema), unseeded, cast(int, pause)

    keys = (SCHEMA_KEY, *map(fence_key, RECORD_COUNTERS), *map(pause_key, (*RECORD_COUNTERS, *roles)))
    return Call(STORE, keys, (len(RECORD_COUNTERS),), read, lambda _: (None, (), 0))


def _names(prefix: str) -> Steps[set[str]]:
    """The roles that have a key there."""
    names = {key.removeprefix(prefix) for key in (yield from scanned(prefix))}
    others = {name for name in names if name in RECORD_COUNTERS or name.startswith(SCRATCH_ROLE)}
    return {name for name in names - others if ROLE.fullmatch(name)}
