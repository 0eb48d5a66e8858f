"""The two kinds of records: transcode sessions and live streams."""

from .calls import Call
from .holding import Holding
from .keys import SESSION_PREFIX, STREAM_PREFIX, session_key, stream_key
from .outcomes import Corrupt, Found, Held, Refused
from .record_scripts import SESSION, STREAM
from .records import NAME, LiveStream, StoredSession, TranscodeSession


class TranscodeSessions(Holding[TranscodeSession]):
    """Who transcodes what: `jellyfin:transcode:{play session id}`."""

    scripts = SESSION
    prefix = SESSION_PREFIX

    def get(self, play_session_id: str) -> Call[Found[TranscodeSession] | Corrupt | None]:
        """A session, also when its lease has ended."""
        NAME.validate_python(play_session_id)
        return self._at(session_key(play_session_id))

    def progress(self, session: TranscodeSession, token: int) -> Call[Held | Refused]:
        """Tell how far the transcode has come, as its holder. Neither number ever goes back, the paths stay where the
        new ones are empty, and the lease ends when it did. Refused: ABSENT, LOST, CORRUPT."""
        paths = (session.manifest_path, session.segment_path_prefix)
        numbers = (session.last_segment, session.offset_ticks)
        return self._hold_on(self.scripts.progress, session, token, session.owner, token, *numbers, *paths)

    def _record_keys(self, record: TranscodeSession) -> tuple[str, ...]:
        return (session_key(record.play_session_id),)

    def _read(self, text: str) -> TranscodeSession:
        return StoredSession.of(text).session()


class LiveStreams(Holding[LiveStream]):
    """Who has which live stream open: `jellyfin:livestream:{live stream id}:{session id or play session id}`, the same
    record under both."""

    scripts = STREAM
    prefix = STREAM_PREFIX

    def get(self, live_stream_id: str, other_id: str) -> Call[Found[LiveStream] | Corrupt | None]:
        """A stream by the id of its session or play session, also when its lease has ended."""
        NAME.validate_python(live_stream_id)
        NAME.validate_python(other_id)
        return self._at(stream_key(live_stream_id, other_id))

    def _record_keys(self, record: LiveStream) -> tuple[str, ...]:
        others = (record.session_id, record.play_session_id)
        return tuple(stream_key(record.live_stream_id, other) for other in dict.fromkeys(others) if other)

    def _read(self, text: str) -> LiveStream:
        return LiveStream.of(text)
