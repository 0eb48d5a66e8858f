"""Who is connected and what plays: in this process's memory only."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from starlette.websockets import WebSocket

from .inputs import Body
from .items import Item
from .schema.identifiers import md5_guid
from .wire import TICKS_PER_SECOND, Json


@dataclass
class Playing:
    """What a session plays. The position runs on by itself while it is not paused."""

    item: Item
    media_source_id: str
    play_session_id: str
    position: int = 0
    paused: bool = False
    muted: bool = False
    can_seek: bool = True
    method: str = "DirectPlay"
    audio_index: int | None = None
    subtitle_index: int | None = None
    volume: int | None = None
    repeat: str = "RepeatNone"
    reported_at: float = field(default_factory=time.monotonic)
    advanced_at: float = field(default_factory=time.monotonic)

    def advance(self) -> None:
        """Moves the position on by the time that passed."""
        now = time.monotonic()
        if not self.paused:
            self.position += round((now - self.advanced_at) * TICKS_PER_SECOND)
        self.advanced_at = now

    def silent_seconds(self) -> float:
        """How long the client has said nothing."""
        return time.monotonic() - self.reported_at


@dataclass
class Session:
    """One client on one device."""

    id: str
    client: str
    device_id: str
    device: str
    version: str
    user_id: UUID | None
    user_name: str | None
    address: str
    last_activity: datetime
    last_check_in: datetime | None = None
    playing: Playing | None = None
    capabilities: Body | None = None
    sockets: set[WebSocket] = field(default_factory=set)


def session_id(client: str, device_id: str) -> str:
    """The same in every process."""
    return md5_guid(client + device_id).hex


class Sessions:
    """The sessions this process knows, made on demand."""

    def __init__(self, server_id: str) -> None:
        self._server_id = server_id
        self._sessions: dict[str, Session] = {}

    def all(self) -> list[Session]:
        """Every session."""
        return list(self._sessions.values())

    def by_id(self, identity: str) -> Session | None:
        """The session of that id."""
        return self._sessions.get(identity)

    def touch(self, proto: Session) -> Session:
        """The session a request belongs to, made from `proto` when it is the first."""
        session = self._sessions.setdefault(proto.id, proto)
        session.last_activity = datetime.now(UTC)
        session.user_id, session.user_name = proto.user_id, proto.user_name
        session.device, session.version, session.address = proto.device, proto.version, proto.address
        return session

    def end(self, identity: str) -> None:
        """Forgets a session."""
        self._sessions.pop(identity, None)

    def dto(self, session: Session, now_playing: Json) -> dict[str, Json]:
        """Jellyfin's SessionInfoDto.

        Args:
            now_playing: the item as clients see it, or None.
        """
        capabilities = session.capabilities or Body({})
        media_types = capabilities.words("PlayableMediaTypes")
        commands = capabilities.words("SupportedCommands")
        controllable = capabilities.flag("SupportsMediaControl")
        return {
            "PlayState": _play_state(session.playing),
            "AdditionalUsers": [],
            "Capabilities": {
                "PlayableMediaTypes": media_types,
                "SupportedCommands": commands,
                "SupportsMediaControl": controllable,
                "SupportsPersistentIdentifier": capabilities.flag("SupportsPersistentIdentifier", True),
            },
            "RemoteEndPoint": session.address,
            "PlayableMediaTypes": media_types,
            "Id": session.id,
            "UserId": session.user_id,
            "UserName": session.user_name,
            "Client": session.client,
            "LastActivityDate": session.last_activity,
            "LastPlaybackCheckIn": session.last_check_in or datetime(1, 1, 1, tzinfo=UTC),
            "DeviceName": session.device,
            "DeviceId": session.device_id,
            "ApplicationVersion": session.version,
            "NowPlayingItem": now_playing,
            "IsActive": True,
            "SupportsMediaControl": controllable,
            "SupportsRemoteControl": controllable and bool(session.sockets),
            "NowPlayingQueue": [],
            "HasCustomDeviceName": False,
            "ServerId": self._server_id,
            "SupportedCommands": commands,
        }


def _play_state(playing: Playing | None) -> dict[str, Json]:
    if playing is None:
        return {
            "CanSeek": False,
            "IsPaused": False,
            "IsMuted": False,
            "RepeatMode": "RepeatNone",
            "PlaybackOrder": "Default",
        }
    return {
        "PositionTicks": playing.position,
        "CanSeek": playing.can_seek,
        "IsPaused": playing.paused,
        "IsMuted": playing.muted,
        "VolumeLevel": playing.volume,
        "AudioStreamIndex": playing.audio_index,
        "SubtitleStreamIndex": playing.subtitle_index,
        "MediaSourceId": playing.media_source_id,
        "PlayMethod": playing.method,
        "RepeatMode": playing.repeat,
        "PlaybackOrder": "Default",
    }
