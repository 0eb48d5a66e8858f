"""What must be true of the lease store before any server relies on it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import redis

from ..errors import UserError
from ..progress import Progress, silent
from . import record_scripts, scripts
from .calls import Call, Reply
from .checks import Check, check_server
from .connection import Endpoint, explained
from .keys import RECORD_COUNTERS, SCHEMA_KEY, SCHEMA_VERSION, fence_key, lease_key, pause_key, require_role
from .outcomes import LONGEST_LEASE_MS
from .rehearsal import rehearse_take_over
from .store import RedisStore


@dataclass(frozen=True)
class SeedReport:
    """What was looked at and done.

    Args:
        role: that was seeded.
        checks: everything that was looked at; all passed.
        term: the last term that was given to a leader, or where they start.
        created: whether the role's counter was made now, rather than found.
        rehearsal: what the rehearsed take-over showed.
        pause_ms: how long no lease is given yet; 0 when leases are given.
    """

    role: str
    checks: tuple[Check, ...]
    term: int
    created: bool
    rehearsal: str
    pause_ms: int = 0

    def summary(self) -> str:
        """The report in a few lines, for people."""
        seeded = "seeded" if self.created else "was seeded before"
        return "\n".join(
            [
                f"The lease store is fit: role {self.role} {seeded}, last term {self.term}.",
                *(f"  {check}" for check in self.checks),
                f"  take-over: {self.rehearsal}",
                *([f"  no lease is given for {self.pause_ms / 1000:.0f} s"] if self.pause_ms else []),
            ]
        )


def seed(
    endpoint: Endpoint,
    *,
    role: str = "leader",
    memory_limit_bytes: int | None = None,
    pause_ms: int = LONGEST_LEASE_MS,
    progress: Progress = silent,
) -> SeedReport:
    """See that a Redis can hold leases safely, and prepare a role and the records in it.

    Preparing means: the scripts are loaded, and the fencing counters exist (a new one starts at Redis's time in ms;
    none is ever lowered). Nobody holds the role because of it. Where a counter had to be made, Redis may have lost its
    data, and somebody may still rely on a lease from before: so it gives none for a pause. A lease that is held is not
    touched, and a second call changes nothing.

    Args:
        endpoint: of Redis.
        role: whose lease to prepare.
        memory_limit_bytes: the limit of Redis's container; its maxmemory must be below.
        pause_ms: how long no lease is given after a counter was made; 0 only where nobody can hold one.
        progress: told each step.

    Raises:
        UserError: exit code 2 when the role is malformed; 1 when Redis cannot be reached, or cannot
            hold leases safely: then everything that is wrong is named, and nothing was written.
    """
    require_role(role)
    client = endpoint.client()
    try:
        with explained(endpoint):
            progress("checking the lease store", 0.0)
            checks = check_server(client, endpoint, memory_limit_bytes)
            _require_fit(checks, endpoint)
            _require_schema(client)
            with _room(endpoint):
                progress("loading the scripts", 0.3)
                for script in (*scripts.ALL.values(), *record_scripts.SESSION.all(), *record_scripts.STREAM.all()):
                    client.script_load(script)
                progress("rehearsing a take-over", 0.5)
                rehearsal = rehearse_take_over(client)
                progress(f"seeding the role {role}", 0.9)
                client.set(SCHEMA_KEY, SCHEMA_VERSION, nx=True)
                store = RedisStore(client)
                made, term = store.do(_seed(role, pause_ms))
                for kind in RECORD_COUNTERS:
                    store.do(_seed(kind, pause_ms))
                pause = max(client.pttl(pause_key(role)), 0)
    finally:
        client.close()
    progress("the lease store is ready", 1.0)
    return SeedReport(role, checks, term, made, rehearsal, pause)


def _seed(name: str, pause_ms: int) -> Call[tuple[bool, int]]:
    """Whether the counter was made, and its value."""

    def read(reply: Reply, _: float) -> tuple[bool, int]:
        made, value = cast(Sequence[int], reply)
        return made == 1, value

    keys = (fence_key(name), lease_key(name), pause_key(name))
    return Call(scripts.SEED, keys, (pause_ms,), read, lambda _: (False, 0))


def _require_fit(checks: tuple[Check, ...], endpoint: Endpoint) -> None:
    wrong = [check for check in checks if not check.passed]
    if wrong:
        raise UserError(
            "\n".join(
                [
                    f"Redis at {endpoint.place} cannot hold leases safely; nothing was written:",
                    *(f"  {check}" for check in wrong),
                ]
            )
        )


def _require_schema(client: redis.Redis) -> None:
    found = client.get(SCHEMA_KEY)
    if found not in (None, str(SCHEMA_VERSION)):
        raise UserError(
            f"{SCHEMA_KEY} in Redis says version {found}, this program knows {SCHEMA_VERSION}: another version of "
            "it uses this Redis. Use that version, or give this deployment a Redis of its own."
        )


@contextmanager
def _room(endpoint: Endpoint) -> Generator[None]:
    try:
        yield
    except redis.ReadOnlyError:
        raise
    except redis.ResponseError as error:
        raise UserError(
            f"Redis at {endpoint.place} refused a command: {error}. Expected a Redis (7 or later) with room "
            "for new keys whose user may run scripts and write keys that start with jellyfin-ha:."
        ) from error
