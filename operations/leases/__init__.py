"""Leases in Redis that two servers can trust: transcode sessions, live streams, take-over, leadership.

A program asks a store (`open_store`, `open_async_store`) what it wants to know or have as calls, which are the same
with and without asyncio:

    sessions = TranscodeSessions()
    held = store.do(sessions.create(TranscodeSession(play_session_id="...", owner="jellyfin-0")))
"""

from .background import in_background
from .connection import Endpoint, Patience
from .election import Candidate, events
from .kinds import LiveStreams, TranscodeSessions
from .opening import open_async_store, open_store
from .outcomes import Corrupt, Found, Given, Held, Listing, Reason, Refused, Timing
from .overview import Away, Overview, looks, overview
from .records import LiveStream, RecordError, TranscodeSession
from .removal import Seen, seen_role, seen_session, seen_stream
from .roles import RoleHeld, RoleLease, RoleRefused
from .seed import SeedReport, seed
from .status import LeaseStatus, status
from .store import AsyncNullStore, AsyncRedisStore, AsyncStore, NullStore, RedisStore, Store
from .terms import Elected, Ended, Ending, Event, Following, Term

__all__ = [
    "AsyncNullStore",
    "AsyncRedisStore",
    "AsyncStore",
    "Away",
    "Candidate",
    "Corrupt",
    "Elected",
    "Ended",
    "Ending",
    "Endpoint",
    "Event",
    "Following",
    "Found",
    "Given",
    "Held",
    "LeaseStatus",
    "Listing",
    "LiveStream",
    "LiveStreams",
    "NullStore",
    "Overview",
    "Patience",
    "Reason",
    "RecordError",
    "RedisStore",
    "Refused",
    "RoleHeld",
    "RoleLease",
    "RoleRefused",
    "SeedReport",
    "Seen",
    "Store",
    "Term",
    "Timing",
    "TranscodeSession",
    "TranscodeSessions",
    "events",
    "in_background",
    "looks",
    "open_async_store",
    "open_store",
    "overview",
    "seed",
    "seen_role",
    "seen_session",
    "seen_stream",
    "status",
]
