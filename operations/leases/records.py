"""The forks' records: what they hold, and their JSON, of which Redis keeps one text a record."""

import re
from datetime import datetime
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

# Ids come from clients. Jellyfin's own have 32 characters; longer ones than this are nobody's.
ID_CHARACTERS = 256
PATH_CHARACTERS = 4096
# What C#'s int holds, and what Lua's numbers hold exactly.
SEGMENTS = 2**31 - 1
WHOLE_NUMBERS = 2**53
TICKS_PER_SECOND = 10_000_000


class RecordError(ValueError):
    """A text in Redis is no record; says what is wrong with it."""


def _text_of_null(value: object) -> object:
    return "" if value is None else value


# What .NET writes for a DateTime.
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,16})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
# Of a wrong value, in words.
SHOWN_CHARACTERS = 80
NO_CONTROL_CHARACTERS = r"^\P{Cc}*$"
# An id of a session or stream, or the name of a server; and what checks one by itself.
Name = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS, pattern=NO_CONTROL_CHARACTERS)]
NAME = TypeAdapter[str](Name)
MaybeName = Annotated[
    str, Field(max_length=ID_CHARACTERS, pattern=NO_CONTROL_CHARACTERS), BeforeValidator(_text_of_null)
]
Path = Annotated[str, Field(max_length=PATH_CHARACTERS, pattern=NO_CONTROL_CHARACTERS), BeforeValidator(_text_of_null)]


def _date(text: str) -> str:
    if text and not DATE.fullmatch(text):
        raise ValueError(f"expected a date such as 2026-03-31T12:00:00Z, found {text!r}")
    if text:
        datetime.fromisoformat(text)
    return text


Date = Annotated[Path, AfterValidator(_date)]


class _Record(BaseModel):
    """Wrong values are refused by pydantic's ValidationError, a ValueError that names field and value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True, validate_by_alias=True)

    def text(self) -> str:
        """The JSON: C#'s names, in C#'s order."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def of(cls, text: str) -> Self:
        """What a text of Redis says.

        Raises:
            RecordError: it is no such record.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise RecordError(
                "; ".join(
                    f"{'.'.join(map(str, one['loc'])) or 'JSON'}: {one['msg']}, "
                    f"found {repr(one['input'])[:SHOWN_CHARACTERS]}"
                    for one in error.errors()
                )
            ) from error


class TranscodeSession(_Record):
    """How a server transcodes for a client.

    Args:
        play_session_id: given by the client's playback.
        owner: the server, as its JELLYFIN_INSTANCE_ID says.
        manifest_path: of the HLS playlist; empty when unknown, as are the next two.
        segment_path_prefix: what the segments' paths begin with.
        media_source_id: what is played.
        last_segment: the last one that is complete.
        offset_ticks: how far the film can be played from complete segments, in ticks of 100 ns.
    """

    play_session_id: Name = Field(alias="PlaySessionId")
    owner: Name = Field(alias="OwnerPod")
    manifest_path: Path = Field("", alias="ManifestPath")
    segment_path_prefix: Path = Field("", alias="SegmentPathPrefix")
    media_source_id: MaybeName = Field("", alias="MediaSourceId")
    last_segment: int = Field(0, ge=0, le=SEGMENTS, alias="LastCompletedSegmentIndex")
    offset_ticks: int = Field(0, ge=0, le=WHOLE_NUMBERS, alias="LastDurablePlaybackOffset")


class StoredSession(TranscodeSession):
    """A session as Redis keeps it, with its lease.

    Args:
        lease_text: when the lease ends, ISO 8601. The original has nothing else, by its writer's clock.
        lease_ends_ms: the same in ms since 1970, which is what counts; None in a record of the original.
    """

    lease_text: Path = Field("", alias="LeaseExpiresUtc")
    lease_ends_ms: int | None = Field(None, ge=0, le=WHOLE_NUMBERS, alias="LeaseExpiresUnixTimeMilliseconds")

    def session(self) -> TranscodeSession:
        """The same without the lease."""
        return TranscodeSession(**{name: getattr(self, name) for name in TranscodeSession.model_fields})


class LiveStream(_Record):
    """An open live stream (a tuner's), as the forks tell each other of it.

    Args:
        live_stream_id: of the stream.
        session_id: of the client's session that opened it.
        play_session_id: of the playback; empty when there is none.
        owner: the server, as its JELLYFIN_INSTANCE_ID says.
        opened_at: ISO 8601 in UTC; empty: when Redis gets the record.
    """

    live_stream_id: Name = Field(alias="LiveStreamId")
    session_id: Name = Field(alias="SessionId")
    play_session_id: MaybeName = Field("", alias="PlaySessionId")
    owner: Name = Field(alias="OwnerPod")
    opened_at: Date = Field("", alias="OpenedAtUtc")


Record = TypeVar("Record", TranscodeSession, LiveStream)
