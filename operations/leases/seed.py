"""What must be true of the lease store before any server relies on it."""

from dataclasses import dataclass

import redis

from ..errors import UserError
from ..progress import Progress, silent
from .checks import Check, check_server
from .keys import SCHEMA_KEY, SCHEMA_VERSION, fence_key, lease_key
from .rehearsal import rehearse_take_over
from .scripts import ALL, SEED
from .store import LeaseStore, connect, place


@dataclass(frozen=True)
class SeedReport:
    """What was looked at and done.

    Args:
        role: that was seeded.
        checks: everything that was looked at; all passed.
        term: the last term that was given to a leader, 0 when nobody ever led.
        created: whether the role's counter was made now, rather than found.
        rehearsal: what the rehearsed take-over showed.
    """

    role: str
    checks: tuple[Check, ...]
    term: int
    created: bool
    rehearsal: str

    def summary(self) -> str:
        """The report in a few lines, for people."""
        seeded = "seeded" if self.created else "was seeded before"
        return "\n".join(
            [
                f"The lease store is fit: role {self.role} {seeded}, last term {self.term}.",
                *(f"  {check}" for check in self.checks),
                f"  take-over: {self.rehearsal}",
            ]
        )


def seed(
    redis_url: str, *, role: str = "leader", memory_limit_bytes: int | None = None, progress: Progress = silent
) -> SeedReport:
    """See that a Redis can hold leases safely, and prepare a role in it.

    Preparing means: the scripts are loaded, and the role's fencing counter exists (0 when it is new; never
    lowered). Nobody holds the role because of it: the first server that asks gets term 1. While every server
    serves, nobody asks. A lease that is held is not touched, and a second call changes nothing.

    Args:
        redis_url: `redis://:password@host:port/0`, also `rediss://`.
        role: whose lease to prepare.
        memory_limit_bytes: the limit of Redis's container; its maxmemory must be below.
        progress: told each step.

    Raises:
        UserError: exit code 2 when the URL or the role is malformed; 1 when Redis cannot be reached, or cannot
            hold leases safely: then everything that is wrong is named, and nothing was written.
    """
    fence, lease = fence_key(role), lease_key(role)
    with connect(redis_url) as store:
        try:
            progress("checking the lease store", 0.0)
            checks = check_server(store, redis_url, memory_limit_bytes)
            _require_fit(checks, redis_url)
            progress("loading the scripts", 0.3)
            _require_schema(store)
            for script in ALL.values():
                store.load(script)
            progress("rehearsing a take-over", 0.5)
            rehearsal = rehearse_take_over(store)
            progress(f"seeding the role {role}", 0.9)
            store.set_if_absent(SCHEMA_KEY, str(SCHEMA_VERSION))
            made, term = store.run(SEED, [fence, lease])
        except redis.ResponseError as error:
            raise UserError(
                f"Redis at {place(redis_url)} refused a command: {error}. Expected a Redis (7 or later) with room "
                "for new keys whose user may run scripts and write keys that start with jellyfin-ha:."
            ) from error
    progress("the lease store is ready", 1.0)
    return SeedReport(role, checks, int(term), made == 1, rehearsal)


def _require_fit(checks: tuple[Check, ...], url: str) -> None:
    wrong = [check for check in checks if not check.passed]
    if wrong:
        raise UserError(
            "\n".join(
                [
                    f"Redis at {place(url)} cannot hold leases safely; nothing was written:",
                    *(f"  {check}" for check in wrong),
                ]
            )
        )


def _require_schema(store: LeaseStore) -> None:
    found = store.get(SCHEMA_KEY)
    if found not in (None, str(SCHEMA_VERSION)):
        raise UserError(
            f"{SCHEMA_KEY} in Redis says version {found}, this program knows {SCHEMA_VERSION}: another version of "
            "it uses this Redis. Use that version, or give this deployment a Redis of its own."
        )
