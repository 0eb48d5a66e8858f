"""The names of everything this project keeps in Redis (database 0, beside the server's own `jellyfin:` keys)."""

import re

from ..errors import UserError

PREFIX = "jellyfin-ha"
# Of the whole key space below PREFIX: what is read and written by one version of this project.
SCHEMA_KEY = f"{PREFIX}:schema"
SCHEMA_VERSION = 1
# The forks' records, which their servers read and write too.
SESSION_PREFIX = "jellyfin:transcode:"
STREAM_PREFIX = "jellyfin:livestream:"
# Counters of records' tokens, which are no roles.
SESSION_COUNTER, STREAM_COUNTER = "transcode", "livestream"
RECORD_COUNTERS = (SESSION_COUNTER, STREAM_COUNTER)
ROLE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def lease_key(role: str) -> str:
    """Where a role's lease lies: JSON of owner, term, acquired_at_ms and call; the key lives as long as the lease."""
    return f"{PREFIX}:lease:{_checked(role)}"


def fence_key(role: str) -> str:
    """Where a role's terms, or the tokens of a kind of record, are counted: the last that was given. Never expires."""
    return f"{PREFIX}:fence:{_checked(role)}"


def pause_key(name: str) -> str:
    """What lives while no lease is given with a new counter: who held one before may still rely on it."""
    return f"{PREFIX}:pause:{_checked(name)}"


def require_role(name: str) -> None:
    """See that a role may have this name.

    Raises:
        UserError: exit code 2; it is malformed, or the name of something else.
    """
    _checked(name)
    if name in RECORD_COUNTERS:
        raise UserError(f"{name!r} is the counter of records' tokens: expected another name of a role.", exit_code=2)


def session_key(play_session_id: str) -> str:
    """Where the record of a transcode session lies."""
    return f"{SESSION_PREFIX}{play_session_id}"


def stream_key(live_stream_id: str, other_id: str) -> str:
    """Where the record of a live stream lies, by the id of a session or a play session."""
    return f"{STREAM_PREFIX}{live_stream_id}:{other_id}"


def hold_key(record_key: str) -> str:
    """Where the fencing token of a record lies, beside the record and as long as it."""
    return f"{PREFIX}:hold:{record_key}"


def _checked(role: str) -> str:
    if not ROLE.fullmatch(role):
        raise UserError(
            f"{role!r} is no name of a role: expected 1 to 63 lower-case letters, digits and hyphens.",
            exit_code=2,
        )
    return role
