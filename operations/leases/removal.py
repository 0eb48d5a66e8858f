"""Leases that somebody frees by hand, whoever holds them: for people who know that the holder is gone.

The holder is not asked. A server that is alive goes on until it next renews its lease, while another one may start.
What is freed is what was seen: if it changes in between, nothing happens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from ..errors import UserError
from .calls import Call
from .kinds import LiveStreams, TranscodeSessions
from .outcomes import Corrupt, Found
from .records import LiveStream
from .roles import RoleLease
from .status import role_state
from .store import Store

T = TypeVar("T")

# Nothing is won by this one; it only has to be a legal duration.
ANY_LEASE_MS = 1000


@dataclass(frozen=True)
class Seen:
    """A lease that can be freed.

    Args:
        what: `role leader`, `session abc`, `stream abc`.
        holder: who has it, or had it last; None when that cannot be read.
        token: the holder's; None when there is none.
        left_ms: how long it still lasts; 0 when it has ended or that cannot be read.
        wrong: why it is corrupt; empty when it is not.
        free: frees it if it is still the same.
    """

    what: str
    holder: str | None
    token: int | None
    left_ms: int
    wrong: str
    free: Call[bool]


def seen_role(store: Store, role: str) -> list[Seen]:
    """The lease of a role; nothing when nobody holds it."""
    what = f"role {role}"
    found = store.do(role_state(role))
    if isinstance(found, Corrupt):
        return [_corrupt(what, found, TranscodeSessions().drop_corrupt)]
    if found.holder is None or found.term is None:
        return []
    try:
        free = RoleLease(role, found.holder, ANY_LEASE_MS).release(found.term)
    except ValidationError:
        # An owner that no program of ours can have.
        raise UserError(
            f"expected a lease of {role} that some server holds, found one of {found.holder!r}: it ends by itself"
        ) from None
    return [Seen(what, found.holder, found.term, found.left_ms or 0, "", free)]


def seen_session(store: Store, play_session_id: str) -> list[Seen]:
    """A transcode session; nothing when there is none."""
    sessions = TranscodeSessions()
    what = f"session {play_session_id}"
    found = store.do(_checked(lambda: sessions.get(play_session_id), play_session_id))
    if found is None:
        return []
    if isinstance(found, Corrupt):
        return [_corrupt(what, found, sessions.drop_corrupt)]
    return [Seen(what, found.record.owner, found.token, found.left_ms, "", sessions.drop(found))]


def seen_stream(store: Store, live_stream_id: str) -> list[Seen]:
    """The records of a live stream, one for each client's session that has it open."""
    streams = LiveStreams()
    _checked(lambda: streams.get(live_stream_id, live_stream_id), live_stream_id)
    listing = store.walk(streams.list())
    return [
        *(_stream(streams, found) for found in listing.found if found.record.live_stream_id == live_stream_id),
        *(
            _corrupt(f"stream {live_stream_id}", corrupt, streams.drop_corrupt)
            for corrupt in listing.corrupt
            if corrupt.key.startswith(f"{streams.prefix}{live_stream_id}:")
        ),
    ]


def _stream(streams: LiveStreams, found: Found[LiveStream]) -> Seen:
    what = f"stream {found.record.live_stream_id} of session {found.record.session_id}"
    return Seen(what, found.record.owner, found.token, found.left_ms, "", streams.drop(found))


def _corrupt(what: str, corrupt: Corrupt, drop: Callable[[Corrupt], Call[bool]]) -> Seen:
    return Seen(f"{what} ({corrupt.key})", None, None, 0, corrupt.wrong, drop(corrupt))


def _checked(make: Callable[[], Call[T]], name: str) -> Call[T]:
    try:
        return make()
    except ValidationError:
        raise UserError(
            f"expected an id of 1 to 256 characters, none of them a control character, found {name!r}", exit_code=2
        ) from None
