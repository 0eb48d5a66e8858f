"""From what SQLite stores to what PostgreSQL holds, one rule a type; what does not fit is never bent.

| PostgreSQL | accepted from SQLite |
|---|---|
| uuid | text of 32 hexadecimal digits, any case, with or without hyphens and braces; a blob of 16 bytes in .NET's order |
| timestamp with time zone | ISO text; without a zone it is UTC, which is what Jellyfin writes; digits past the 6th of a second are cut off, as Npgsql does, and counted |
| boolean | 0 and 1 |
| smallint, integer, bigint | whole numbers in range |
| real | numbers in range, rounded to 32 bits as the server reads them |
| double precision | numbers, infinities included |
| text, character varying(n) | text of at most n characters, valid UTF-8, without NUL |
| bytea | blobs |
| bigint[] | JSON text of an array of whole numbers |
"""  # noqa: E501

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

SourceValue = int | float | str | bytes | None
TargetValue = bool | int | float | str | bytes | list[int] | None
Converter = Callable[[SourceValue], TargetValue]

INTEGER_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
VARCHAR = re.compile(r"character varying\((\d+)\)")
GUID_HYPHENS = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
GUID_PLAIN = re.compile(r"[0-9a-fA-F]{32}")
TIMESTAMP = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[ T](?P<minutes>\d\d:\d\d)(?::(?P<seconds>\d\d)(?:\.(?P<fraction>\d+))?)?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?"
)
# PostgreSQL keeps microseconds, .NET ticks of 100 ns: one digit less.
FRACTION_DIGITS = 6


class UnfitError(ValueError):
    """A value that the target's column cannot hold as it is; the text says why."""


@dataclass
class Tally:
    """What was changed on the way in, within the documented rules."""

    cut_timestamps: int = 0


def converter(column_type: str, *, nullable: bool, tally: Tally) -> Converter | None:
    """The rule for a column of the target, or None when there is none for its type.

    Args:
        column_type: as PostgreSQL's `format_type` writes it.
        nullable: whether NULL may pass.
        tally: counts what the rule changes.
    """
    rule = _rule(column_type, tally)
    if rule is None:
        return None

    def convert(value: SourceValue) -> TargetValue:
        if value is not None:
            return rule(value)
        if nullable:
            return None
        raise UnfitError("NULL where the target wants a value")

    return convert


def _rule(column_type: str, tally: Tally) -> Converter | None:
    if column_type in INTEGER_BITS:
        return _integer(INTEGER_BITS[column_type])
    if limit := VARCHAR.fullmatch(column_type):
        return _text(int(limit[1]))
    rules: dict[str, Converter] = {
        "uuid": _uuid,
        "timestamp with time zone": _timestamp(tally),
        "boolean": _boolean,
        "real": _real,
        "double precision": _double,
        "text": _text(None),
        "character varying": _text(None),
        "bytea": _bytes,
        "bigint[]": _bigints,
    }
    return rules.get(column_type)


def _uuid(value: SourceValue) -> str:
    if isinstance(value, bytes) and len(value) == 16:
        # .NET's Guid.ToByteArray: the first three groups little-endian.
        first, second, third = struct.unpack("<IHH", value[:8])
        rest = value[8:].hex()
        return f"{first:08x}-{second:04x}-{third:04x}-{rest[:4]}-{rest[4:]}"
    if isinstance(value, str):
        bare = value[1:-1] if value[:1] + value[-1:] in ("{}", "()") else value
        if GUID_HYPHENS.fullmatch(bare) or GUID_PLAIN.fullmatch(bare):
            return bare.lower()
    raise UnfitError("not a GUID")


def _timestamp(tally: Tally) -> Converter:
    def convert(value: SourceValue) -> str:
        match = TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise UnfitError("not a date and time of the form yyyy-MM-dd HH:mm:ss.fffffff")
        fraction = match["fraction"] or ""
        if fraction[FRACTION_DIGITS:].strip("0"):
            tally.cut_timestamps += 1
        clock = f"{match['minutes'] or '00:00'}:{match['seconds'] or '00'}"
        text = f"{match['date']} {clock}.{fraction[:FRACTION_DIGITS].ljust(FRACTION_DIGITS, '0')}"
        try:
            moment = datetime.fromisoformat(text + (match["zone"] or "+00:00"))
            moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise UnfitError(f"not a moment of the years 1 to 9999: {error}") from error
        return moment.isoformat(sep=" ", timespec="microseconds")

    return convert


def _boolean(value: SourceValue) -> bool:
    if not isinstance(value, int) or value not in (0, 1):
        raise UnfitError("neither 0 nor 1")
    return value == 1


def _integer(bits: int) -> Converter:
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(value: SourceValue) -> int:
        if not isinstance(value, int):
            raise UnfitError("not a whole number")
        if not least <= value <= greatest:
            raise UnfitError(f"not in {least}..{greatest}")
        return value

    return convert


def _double(value: SourceValue) -> float:
    if not isinstance(value, int | float):
        raise UnfitError("not a number")
    if isinstance(value, int) and int(float(value)) != value:
        raise UnfitError("a whole number that 64-bit floating point cannot hold")
    return float(value)


def _real(value: SourceValue) -> float:
    exact = _double(value)
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", exact))
    except OverflowError as error:
        raise UnfitError("too large for a 32-bit floating-point number") from error
    if exact and not rounded:
        raise UnfitError("too small for a 32-bit floating-point number")
    return float(rounded)


def _text(limit: int | None) -> Converter:
    def convert(value: SourceValue) -> str:
        if not isinstance(value, str):
            raise UnfitError("not text")
        if "\0" in value:
            raise UnfitError("text with a NUL character, which PostgreSQL cannot hold")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise UnfitError("text that is not valid UTF-8")
        if limit is not None and len(value) > limit:
            raise UnfitError(f"{len(value)} characters where the target holds {limit}")
        return value

    return convert


def _bytes(value: SourceValue) -> bytes:
    if not isinstance(value, bytes):
        raise UnfitError("not a blob")
    return value


def _bigints(value: SourceValue) -> list[int]:
    try:
        parsed: object = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if not isinstance(parsed, list):
        raise UnfitError("not a JSON array")
    whole = _integer(64)
    numbers: list[int] = []
    for number in parsed:
        if isinstance(number, bool) or not isinstance(number, int):
            raise UnfitError("a JSON array with something else than whole numbers")
        whole(number)
        numbers.append(number)
    return numbers
