"""Leader election: who holds a role's lease leads.

What it guarantees: at any moment at most one candidate believes that it leads (`Term.lasts`), as long as the clocks of
Redis and of the candidates run equally fast to a hundredth, and Redis forgets nothing (`seed` sees to it, and a Redis
that has lost its data gives no lease until it is seeded again and a pause has passed). Terms grow with each leader.

What no lease can guarantee: that a leader which was stopped in the middle of something (a paused process, a slow disk)
notices before it goes on. Whatever a leader writes must be refused by the receiver once a greater term was seen, or the
old leader must be stopped by somebody else before the next one starts.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import redis

from .calls import Call
from .roles import RoleHeld, RoleLease, RoleRefused
from .store import AsyncStore
from .terms import Elected, Ended, Ending, Event, Following, Term

log = logging.getLogger(__name__)

LEASE_MS = 10_000
# A follower asks this often, so that a leader which hands over has a successor within a second.
ASK_SECONDS = 0.4
# Followers that ask in step would all hit Redis at once.
JITTER = 0.25
# Renewals that may fail before a lease is over.
RENEWALS = 3
# A hand-over that Redis does not answer is given up; the lease ends by itself.
RELEASE_SECONDS = 2.0
UNREACHABLE = (redis.RedisError, OSError, TimeoutError)


class Candidate:
    """One who wants to lead.

    Args:
        role: what to lead.
        owner: its name, unique among the candidates.
        on_event: told of every change, in order, in the task of `run`: be quick, renewals wait meanwhile.
        lease_ms: how long after its last sign of life another one takes over.

    Raises:
        UserError: exit code 2; the lease is too short or too long, or the role has an odd name.
    """

    def __init__(self, role: str, owner: str, on_event: Callable[[Event], None], *, lease_ms: int = LEASE_MS) -> None:
        self._lease = RoleLease(role, owner, lease_ms)
        self._on_event = on_event
        self._renew_seconds = lease_ms / 1000 / RENEWALS
        self._term: Term | None = None
        self._asked: Call[RoleHeld | RoleRefused] | None = None
        self._deposed: int | None = None
        self._told: Following | None = None
        self._warned = ""

    @property
    def owner(self) -> str:
        """Its name."""
        return self._lease.owner

    @property
    def term(self) -> Term | None:
        """The present term; None while somebody else leads."""
        return self._term

    def depose(self, term: int) -> None:
        """Take the role by force, within half a second, because the leader of `term` is known to be gone."""
        self._deposed = term

    async def run(self, store: AsyncStore) -> None:
        """Stand for election, again and again; cancelled, it hands over at once.

        Redis that cannot be reached is no error: this candidate leads no longer than its lease lasts, and stands again.
        """
        try:
            while True:
                await self._lead(store, await self._win(store))
        finally:
            await self._leave(store)

    async def _win(self, store: AsyncStore) -> RoleHeld:
        """Ask until the lease is won. A question without an answer is asked again, since it may have been done."""
        while True:
            if self._asked is None:
                deposed, self._deposed = self._deposed, None
                self._asked = self._lease.acquire() if deposed is None else self._lease.depose(deposed)
            try:
                async with asyncio.timeout(self._lease.lease_ms / 1000):
                    answer = await store.do(self._asked)
            except UNREACHABLE as error:
                self._warn("cannot be asked for", error)
            else:
                self._asked = None
                # One that was asked for long ago may be over by now.
                if isinstance(answer, RoleHeld) and answer.ends_at > store.clock():
                    return answer
                if isinstance(answer, RoleRefused):
                    self._tell_following(answer)
            await asyncio.sleep(ASK_SECONDS * random.uniform(1 - JITTER, 1 + JITTER))

    async def _lead(self, store: AsyncStore, held: RoleHeld) -> None:
        """Renew until the lease is lost."""
        term = Term(self._lease.role, self._lease.owner, held.term, held.ends_at, store.clock)
        self._term, self._told = term, None
        self._on_event(Elected(term))
        pause = self._renew_seconds
        while True:
            await asyncio.sleep(max(min(pause, term.ends_at - store.clock()), 0))
            left = term.ends_at - store.clock()
            if left <= 0:
                self._end(term, Ending.EXPIRED)
                return
            try:
                async with asyncio.timeout(left):
                    ends_at = await store.do(self._lease.renew(term.number))
            except UNREACHABLE as error:
                self._warn("cannot be renewed", error)
                pause = self._renew_seconds / 4
                continue
            if ends_at is None:
                self._end(term, Ending.DEPOSED)
                return
            term.ends_at, pause, self._warned = ends_at, self._renew_seconds, ""

    async def _leave(self, store: AsyncStore) -> None:
        term, asked = self._term, self._asked
        try:
            if term is not None:
                # From now on nothing is done in this term, whether Redis hears of it or not.
                self._end(term, Ending.RELEASED if term.lasts else Ending.EXPIRED)
        finally:
            with suppress(*UNREACHABLE):
                async with asyncio.timeout(RELEASE_SECONDS):
                    if term is not None:
                        await store.do(self._lease.release(term.number))
                    elif asked is not None:
                        answer = await store.do(asked)
                        if isinstance(answer, RoleHeld):
                            await store.do(self._lease.release(answer.term))

    def _end(self, term: Term, ending: Ending) -> None:
        term.ending = ending
        self._term = None
        self._on_event(Ended(term, ending))

    def _warn(self, message: str, error: Exception | None = None) -> None:
        """Say it once, until something else is to be said."""
        why = "" if error is None else f": {str(error) or type(error).__name__}"
        words = f"the lease of {self._lease.role} {message}{why}"
        if words != self._warned:
            self._warned = words
            log.warning(words)

    def _tell_following(self, refused: RoleRefused) -> None:
        if not refused.term:
            self._warn("can be given to nobody: the store was never seeded, or has lost its data (`leases seed`)")
        elif not refused.owner and refused.left_ms:
            self._warn("is given to nobody yet: its counter was made a moment ago, or it cannot be read")
        following = Following(refused.owner, refused.term)
        if following != self._told:
            self._told = following
            self._on_event(following)


async def events(store: AsyncStore, role: str, owner: str, *, lease_ms: int = LEASE_MS) -> AsyncGenerator[Event]:
    """Stand for election and yield what happens. Renewals go on while an event is dealt with.

    Close it (`contextlib.aclosing`) to hand over.

    Args:
        store: of the leases.
        role: what to lead.
        owner: this candidate's name.
        lease_ms: how long after its last sign of life another one takes over.
    """
    happened: asyncio.Queue[Event] = asyncio.Queue()
    running = asyncio.create_task(Candidate(role, owner, happened.put_nowait, lease_ms=lease_ms).run(store))
    try:
        while True:
            event = asyncio.create_task(happened.get())
            try:
                await asyncio.wait({running, event}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                event.cancel()
            if not event.done():
                await running
                return
            yield event.result()
    finally:
        running.cancel()
        # Not the task itself, whose cancellation and this one's could not be told apart.
        await asyncio.wait({running})
