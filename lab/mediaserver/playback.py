"""What clients report of a playback, and what the server makes of their silence."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from .items import Item, Items
from .sessions import Playing, Session, Sessions
from .transcode import TranscodeManager
from .user_data import UserDataStore
from .user_data_rules import ResumeRules, UserData, at_position, at_start, at_unknown_end

_LOG = logging.getLogger("Emby.Server.Implementations.Session.SessionManager")

ADVANCE_SECONDS = 1.0


@dataclass(frozen=True)
class Report:
    """One report, as far as it matters here; positions in ticks."""

    item: Item
    play_session_id: str
    media_source_id: str
    position: int | None
    paused: bool
    muted: bool
    can_seek: bool
    method: str
    audio_index: int | None
    subtitle_index: int | None
    volume: int | None
    repeat: str


class Playback:
    """Keeps sessions, stored positions and encoders in step with what clients report.

    Args:
        transcodes: the encoders; asked for at each use, because the first use makes them.
        idle_seconds: how often abandoned playbacks are looked for, and what silence counts as abandoned.
    """

    def __init__(
        self,
        sessions: Sessions,
        items: Items,
        user_data: UserDataStore,
        rules: ResumeRules,
        transcodes: Callable[[], TranscodeManager],
        idle_seconds: float,
    ) -> None:
        self._sessions = sessions
        self._items = items
        self._user_data = user_data
        self._rules = rules
        self._transcodes = transcodes
        self._idle_seconds = idle_seconds

    async def started(self, session: Session, report: Report) -> None:
        """A client began to play: counted, the position is not written."""
        self._show(session, report)
        now = datetime.now(UTC)
        await self._change(session.user_id, report.item, lambda data: at_start(data, now))

    async def progressed(self, session: Session, report: Report) -> None:
        """A client tells where it is."""
        self._show(session, report)
        await self._change(session.user_id, report.item, lambda data: self._reported(data, report))

    async def stopped(self, session: Session, report: Report, *, failed: bool = False) -> None:
        """A client stopped, or is taken to have stopped."""
        session.playing = None
        if report.play_session_id:
            await self._transcodes().kill(report.play_session_id)
        if failed:
            return
        await self._change(session.user_id, report.item, lambda data: self._ended(data, report))

    async def advance(self) -> None:
        """Moves playing sessions on, second by second; runs until cancelled."""
        while True:
            await asyncio.sleep(ADVANCE_SECONDS)
            for session in self._sessions.all():
                if session.playing is not None and not session.playing.paused:
                    session.playing.advance()
                    self._transcodes().ping(session.playing.play_session_id)

    async def stop_silent(self) -> None:
        """Ends playbacks whose client fell silent, at the position it is guessed to have reached.

        That guess is saved, even when the client went on elsewhere. Runs until cancelled.
        """
        while True:
            await asyncio.sleep(self._idle_seconds)
            for session in self._sessions.all():
                if session.playing is None or session.playing.silent_seconds() <= self._idle_seconds:
                    continue
                _LOG.info("Session %s has gone inactive while playing", session.id)
                try:
                    await self.stopped(session, _last_report(session.playing))
                except Exception:
                    _LOG.exception("The position of session %s was not saved", session.id)

    def _show(self, session: Session, report: Report) -> None:
        now = time.monotonic()
        method = report.method
        known = bool(report.play_session_id) and self._transcodes().knows(report.play_session_id)
        if method == "Transcode" and not known:
            method = "DirectPlay"
        session.playing = Playing(
            item=report.item,
            media_source_id=report.media_source_id,
            play_session_id=report.play_session_id,
            position=report.position or 0,
            paused=report.paused,
            muted=report.muted,
            can_seek=report.can_seek,
            method=method,
            audio_index=report.audio_index,
            subtitle_index=report.subtitle_index,
            volume=report.volume,
            repeat=report.repeat,
            reported_at=now,
            advanced_at=now,
        )
        session.last_check_in = datetime.now(UTC)
        if report.play_session_id:
            self._transcodes().ping(report.play_session_id)

    def _reported(self, data: UserData, report: Report) -> UserData:
        data = replace(
            data,
            audio_index=data.audio_index if report.audio_index is None else report.audio_index,
            subtitle_index=data.subtitle_index if report.subtitle_index is None else report.subtitle_index,
        )
        if report.position is None:
            return data
        return at_position(data, report.position, report.item.runtime, self._rules)

    def _ended(self, data: UserData, report: Report) -> UserData:
        if report.position is None:
            return at_unknown_end(data)
        return at_position(data, report.position, report.item.runtime, self._rules)

    async def _change(self, user_id: UUID | None, item: Item, change: Callable[[UserData], UserData]) -> None:
        if user_id is None:
            return
        keys = await self._items.user_data_keys(item.id)
        data = await self._user_data.get(user_id, item.id, keys)
        await self._user_data.save(user_id, item.id, keys, change(data))


def _last_report(playing: Playing) -> Report:
    return Report(
        item=playing.item,
        play_session_id=playing.play_session_id,
        media_source_id=playing.media_source_id,
        position=playing.position,
        paused=playing.paused,
        muted=playing.muted,
        can_seek=playing.can_seek,
        method=playing.method,
        audio_index=playing.audio_index,
        subtitle_index=playing.subtitle_index,
        volume=playing.volume,
        repeat=playing.repeat,
    )
