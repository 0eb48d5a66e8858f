"""The forms of what is in a lease store: for people, and for programs."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jellyfin_ha.operations.leases import Endpoint, Found, LeaseStatus, LiveStream, Overview, SeedReport, Seen
from jellyfin_ha.operations.leases import TranscodeSession as Session
from jellyfin_ha.operations.leases.records import TICKS_PER_SECOND

# Of the JSON of `status` and `watch`; what is added later does not change it.
JSON_VERSION = 1
CORRUPT_CHARACTERS = 60


def json_of(endpoint: Endpoint, found: Overview) -> dict[str, object]:
    """What `status --json` prints."""
    return {
        "version": JSON_VERSION,
        "store": {
            "place": endpoint.place,
            "schema": found.schema,
            "unseeded": list(found.unseeded),
            "pause_ms": found.pause_ms,
        },
        "roles": [
            {"role": one.role, "leader": one.holder, "term": one.term, "left_ms": one.left_ms} for one in found.roles
        ],
        "sessions": [
            {
                "play_session_id": one.record.play_session_id,
                "owner": one.record.owner,
                "left_ms": one.left_ms,
                "expired_ms": one.expired_ms,
                "offset_ticks": one.record.offset_ticks,
                "last_segment": one.record.last_segment,
                "media_source_id": one.record.media_source_id,
                "token": one.token,
            }
            for one in found.sessions
        ],
        "streams": [
            {
                "live_stream_id": one.record.live_stream_id,
                "session_id": one.record.session_id,
                "play_session_id": one.record.play_session_id,
                "owner": one.record.owner,
                "left_ms": one.left_ms,
                "expired_ms": one.expired_ms,
                "opened_at": one.record.opened_at,
                "token": one.token,
            }
            for one in found.streams
        ],
        "corrupt": [{"key": one.key, "wrong": one.wrong} for one in found.corrupt],
    }


def seed_json_of(report: SeedReport) -> dict[str, object]:
    """What `seed --json` prints."""
    return {
        "role": report.role,
        "created": report.created,
        "term": report.term,
        "pause_ms": report.pause_ms,
        "checks": [{"name": one.name, "found": one.found} for one in report.checks],
        "rehearsal": report.rehearsal,
    }


def released_json_of(seen: Seen) -> dict[str, object]:
    """One of what `release --json` prints."""
    return {"what": seen.what, "holder": seen.holder, "token": seen.token, "left_ms": seen.left_ms, "wrong": seen.wrong}


def shown(endpoint: Endpoint, found: Overview) -> Group:
    """What `status` prints."""
    lines: list[RenderableType] = [Text(f"lease store  {endpoint.place}: {_state(found)}")]
    lines.append(_table(("role", "leader", "term", "time left"), [_role(one) for one in found.roles]))
    if found.sessions:
        names = ("session", "owner", "lease", "position", "segment", "token")
        lines.append(_table(names, [_session(one) for one in found.sessions]))
    else:
        lines.append(Text("no transcode session"))
    if found.streams:
        names = ("live stream", "session", "owner", "lease", "opened", "token")
        lines.append(_table(names, [_stream(one) for one in found.streams]))
    else:
        lines.append(Text("no live stream"))
    for one in found.corrupt:
        lines.append(Text(f"corrupt  {clean(one.key)}: {clean(one.wrong)}; holds {_short(one.text)}", style="red"))
    return Group(*lines)


def facts_of(found: Overview) -> dict[str, str]:
    """What there is and how it is, without what changes by itself every moment."""
    facts = {"the store": _readiness(found)}
    for role in found.roles:
        facts[f"role {role.role}"] = f"{role.holder}, term {role.term}" if role.holder else "nobody"
    for session in found.sessions:
        facts[f"session {session.record.play_session_id}"] = _holder(session)
    for stream in found.streams:
        facts[f"stream {stream.record.live_stream_id} of session {stream.record.session_id}"] = _holder(stream)
    return {**facts, **{f"corrupt {one.key}": one.wrong for one in found.corrupt}}


def line_of(seen: Seen) -> str:
    """Who holds something, in one line."""
    if seen.holder is None:
        return clean(f"{seen.what} is corrupt: {seen.wrong}")
    token = "without a token" if seen.token is None else f"token {seen.token}"
    left = f"for {seconds(seen.left_ms)} more" if seen.left_ms else "whose lease has ended"
    return clean(f"{seen.what} is held by {seen.holder}, {token}, {left}")


def clean(text: str) -> str:
    """What a terminal can be given: clients choose ids, and a Redis may hold anything."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def seconds(ms: int) -> str:
    """A time that is left."""
    return f"{ms / 1000:.1f} s"


def position(ticks: int) -> str:
    """Ticks of 100 ns as h:mm:ss."""
    whole = ticks // TICKS_PER_SECOND
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _state(found: Overview) -> str:
    if found.unseeded:
        return f"{_readiness(found)}; `jellyfin-ha leases seed` prepares it"
    if found.pause_ms:
        return f"gives no lease for {seconds(found.pause_ms)} more, since it was seeded a moment ago"
    return _readiness(found)


def _readiness(found: Overview) -> str:
    if found.unseeded:
        return f"not seeded for {', '.join(found.unseeded)}"
    return "gives no lease yet" if found.pause_ms else "gives leases"


def _role(one: LeaseStatus) -> tuple[str, ...]:
    return (one.role, one.holder or "-", _number(one.term), "-" if one.left_ms is None else seconds(one.left_ms))


def _session(one: Found[Session]) -> tuple[str, ...]:
    record = one.record
    return (
        *(record.play_session_id, record.owner, _lease(one)),
        *(position(record.offset_ticks), str(record.last_segment), _number(one.token)),
    )


def _stream(one: Found[LiveStream]) -> tuple[str, ...]:
    record = one.record
    return (
        *(record.live_stream_id, record.session_id, record.owner),
        *(_lease(one), record.opened_at or "-", _number(one.token)),
    )


def _lease(one: Found[Session] | Found[LiveStream]) -> str:
    return seconds(one.left_ms) if one.left_ms else f"expired {one.expired_ms // 1000} s ago"


def _holder(one: Found[Session] | Found[LiveStream]) -> str:
    return f"{one.record.owner}, token {_number(one.token)}" + ("" if one.left_ms else ", expired")


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)


def _short(text: str) -> str:
    return clean(text if len(text) <= CORRUPT_CHARACTERS else f"{text[:CORRUPT_CHARACTERS]}…")


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    if not rows:
        return Text(f"no {names[0]}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table
