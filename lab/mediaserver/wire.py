"""How values look on the wire: Pascal-case JSON without nulls, GUIDs without dashes, dates of seven decimals."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from starlette.responses import PlainTextResponse, Response

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | UUID | datetime | None"

TICKS_PER_SECOND = 10_000_000
ERROR_TEXT = "Error processing request."


class ApiError(Exception):
    """An answer other than success.

    Args:
        status: HTTP status.
        response: the whole response; empty body when left out, as authentication answers it.
    """

    def __init__(self, status: int, response: Response | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.response = response or Response(status_code=status)


def text_error(status: int) -> ApiError:
    """What Jellyfin answers when an exception ended the request."""
    return ApiError(status, PlainTextResponse(ERROR_TEXT, status))


def problem(status: int, title: str) -> ApiError:
    """An ASP.NET problem document: ill-formed input, or `NotFound()`."""
    body: dict[str, Json] = {"type": "about:blank", "title": title, "status": status}
    content = json.dumps(body).encode()
    return ApiError(status, Response(content, status, media_type="application/problem+json"))


def message_error(status: int, message: str) -> ApiError:
    """A JSON string as body, as `NotFound("text")` gives it."""
    return ApiError(status, json_response(message, status=status))


def json_response(value: Json, *, status: int = 200, camel_case: bool = False) -> Response:
    """A JSON answer; `camel_case` for clients that ask for that profile."""
    name: Callable[[str], str] = _camel if camel_case else str
    content = json.dumps(_plain(value, name), ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, media_type="application/json; charset=utf-8")


def no_content() -> Response:
    """204 without a body."""
    return Response(status_code=204)


def date_text(moment: datetime) -> str:
    """A moment as Jellyfin writes it, e.g. 2026-11-23T21:00:00.0000000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z").rjust(28, "0")


def parse_guid(text: str) -> UUID:
    """A GUID with or without dashes.

    Raises:
        ApiError: 400, it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise problem(400, f"The value '{text}' is not valid.") from None


def _plain(value: Json, name: Callable[[str], str]) -> object:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return date_text(value)
    if isinstance(value, Mapping):
        return {name(key): _plain(item, name) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item, name) for item in value]
    return value


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]
