"""A process of the lease torture that fights over transcode sessions, with the store for programs with threads."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from typing import TypeVar

import redis

from jellyfin_ha.operations.leases import (
    Endpoint,
    Given,
    Held,
    Patience,
    RedisStore,
    Refused,
    Store,
    Timing,
    TranscodeSession,
    TranscodeSessions,
)
from jellyfin_ha.operations.leases.calls import Call
from tests.integration.lease_log import SESSIONS, Log, What

T = TypeVar("T")
Answer = Held | Refused

LASTING = TranscodeSessions(Timing(lease_ms=800, renew_ms=250, retention_ms=300_000))
# Whose records do not outlive their lease by much, so that some vanish.
BRIEF = TranscodeSessions(Timing(lease_ms=400, renew_ms=100, retention_ms=900))
POOL = {**{f"lasting-{number}": LASTING for number in range(5)}, **{f"brief-{number}": BRIEF for number in range(2)}}
TRIES = 3
REMEMBERED = 20
SLOWEST_STEP_SECONDS = 0.05


@dataclass
class Mine:
    """A lease that this process got."""

    record: TranscodeSession
    token: int
    ends: float


@dataclass
class SessionWorker:
    """Creates, renews, reports on, abandons, takes over and deletes sessions as chance will have it, also with tokens
    that are long stale."""

    owner: str
    log: Log
    chance: random.Random
    mine: dict[str, Mine] = field(default_factory=dict[str, Mine])
    stale: list[Mine] = field(default_factory=list[Mine])
    lives: int = 0
    stopped: bool = False

    def run(self, endpoint: Endpoint, patience: Patience) -> None:
        """Work until SIGTERM."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", True))
        with endpoint.client(patience) as client:
            store = RedisStore(client)
            while not self.stopped:
                self._step(store)
                time.sleep(self.chance.uniform(0, SLOWEST_STEP_SECONDS))

    def _step(self, store: Store) -> None:
        name = self.chance.choice(list(POOL))
        if self.stale and self.chance.random() < 0.1:
            self._use(store, self.chance.choice(self.stale))
        mine = self.mine.get(name)
        if mine is None:
            self._win(store, name)
        elif store.clock() >= mine.ends or self.chance.random() < 0.03:
            # It is over, or forgotten while it lasts.
            self._let_go(mine)
        else:
            self._use(store, mine)

    def _win(self, store: Store, name: str) -> None:
        kind = POOL[name]
        self.lives += 1
        wanted = TranscodeSession(
            play_session_id=name, owner=self.owner, media_source_id=f"{self.log.who} {self.lives}"
        )
        askings = [("create", kind.create(wanted)), ("take over", kind.take_over(wanted, self.owner))]
        if self.chance.random() < 0.3:
            askings.reverse()
        for how, call in askings:
            asked = store.clock()
            answer = self._ask(store, call)
            if isinstance(answer, Given):
                self.mine[name] = Mine(answer.record, answer.token, answer.ends_at)
                self._tell(What.GRANTED, how, answer.record, answer, asked)
                return
            if answer is not None:
                self.log.add(What.REFUSED, name=SESSIONS + name, how=how, why=answer.reason.value, asked=asked)

    def _use(self, store: Store, mine: Mine) -> None:
        """Do something with a lease, be it held or stale."""
        name, record = mine.record.play_session_id, mine.record
        kind = POOL[name]
        further = max(record.last_segment + self.chance.randint(-2, 3), 0)
        reported = record.model_copy(update={"last_segment": further, "offset_ticks": further * 30_000_000})
        changed = record.model_copy(update={"manifest_path": f"/{further}.m3u8"})
        how, call = self.chance.choice(
            [
                *[("renew", kind.renew(record, mine.token))] * 5,
                *[("progress", kind.progress(reported, mine.token))] * 4,
                ("set", kind.set(changed, mine.token)),
                ("delete", kind.delete(record, mine.token)),
            ]
        )
        if how == "delete":
            # Whoever deletes stops relying on the lease first.
            self.log.add(What.STOPPED, name=SESSIONS + name, token=mine.token)
            self.log.add(What.DELETING, name=SESSIONS + name, token=mine.token)
            self._let_go(mine)
        asked = store.clock()
        answer = self._ask(store, call)
        if isinstance(answer, Held):
            what = {"progress": What.WROTE, "delete": What.DELETED}.get(how, What.RENEWED)
            if how == "progress":
                # The greater numbers count.
                mine.record = reported if further > record.last_segment else record
            elif how == "set":
                mine.record = changed
            if what is What.RENEWED:
                mine.ends = answer.ends_at
            self._tell(what, how, mine.record, answer, asked)
        elif answer is not None:
            where = {"name": SESSIONS + name, "token": mine.token}
            self.log.add(What.REFUSED, **where, how=how, why=answer.reason.value, asked=asked)
            if self.mine.get(name) is mine:
                self.log.add(What.STOPPED, **where, why=answer.reason.value)
                self._let_go(mine)

    def _let_go(self, mine: Mine) -> None:
        """Keep it among the stale ones."""
        if self.mine.get(mine.record.play_session_id) is mine:
            del self.mine[mine.record.play_session_id]
            self.stale = [*self.stale, mine][-REMEMBERED:]

    def _tell(self, what: What, how: str, record: TranscodeSession, held: Held, asked: float) -> None:
        written = what in (What.GRANTED, What.RENEWED)
        self.log.add(
            what,
            asked=asked,
            name=SESSIONS + record.play_session_id,
            token=held.token,
            ends=held.ends_at if written else 0.0,
            how=how,
            accepted=what is What.WROTE,
            life=record.media_source_id,
            segment=record.last_segment,
            retention=POOL[record.play_session_id].timing.retention_ms / 1000 if written else 0.0,
        )

    def _ask(self, store: Store, call: Call[T]) -> T | None:
        """The answer; the same question again where none comes, and None at last."""
        for _ in range(TRIES):
            try:
                return store.do(call)
            except redis.RedisError:
                if self.stopped:
                    break
        return None
