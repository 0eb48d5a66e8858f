"""Who a request says it is: the MediaBrowser authorization header and its older forms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from .inputs import Query


@dataclass(frozen=True)
class ClientIdentity:
    """What the client tells of itself; each part may be missing."""

    client: str | None = None
    device: str | None = None
    device_id: str | None = None
    version: str | None = None
    token: str | None = None


def read_identity(headers: Mapping[str, str], query: Query, *, legacy: bool) -> ClientIdentity:
    """The identity a request carries.

    Args:
        headers: by lower-case name.
        query: the query parameters.
        legacy: whether the five old forms count (`EnableLegacyAuthorization`).
    """
    header = headers.get("authorization") or (headers.get("x-emby-authorization") if legacy else None) or ""
    parts = parse_header(header, legacy=legacy)
    sources = [parts.get("Token")]
    if legacy:
        sources += [headers.get("x-emby-token"), headers.get("x-mediabrowser-token")]
    sources.append(query.text("ApiKey"))
    if legacy:
        sources.append(query.text("api_key"))
    return ClientIdentity(
        client=parts.get("Client") or None,
        device=parts.get("Device") or None,
        device_id=parts.get("DeviceId") or None,
        version=parts.get("Version") or None,
        token=next((token for token in sources if token), None),
    )


def parse_header(header: str, *, legacy: bool) -> dict[str, str]:
    """The pairs of `MediaBrowser Key="value", …`; empty for any other scheme.

    Keys are case-sensitive, values URL-decoded, and of a repeated key the last one counts.
    """
    scheme, separator, rest = header.partition(" ")
    known = {"mediabrowser", "emby"} if legacy else {"mediabrowser"}
    if not separator or scheme.lower() not in known:
        return {}
    pairs: dict[str, str] = {}
    for part in _outside_quotes(rest):
        key, equals, value = part.partition("=")
        if equals:
            pairs[key.strip()] = unquote_plus(value.strip().strip('"'))
    return pairs


def _outside_quotes(text: str) -> Iterator[str]:
    start, quoted = 0, False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            yield text[start:position]
            start = position + 1
    yield text[start:]
