"""From what SQLite stores to what PostgreSQL holds, one rule a type, value by value: the careful way.

| PostgreSQL | arrives exactly | repaired and listed | refused |
|---|---|---|---|
| uuid | text of 32 hexadecimal digits, any case, with or without hyphens between any groups of four, in braces, parentheses or neither; a blob of 16 bytes in .NET's order | | anything else |
| timestamp with time zone | ISO text, a date with or without a time, a time with or without a zone; without one it is UTC, which is what Jellyfin writes; digits past the 6th of a second are cut off, as Npgsql does, and counted | | what is no moment of the years 1 to 9999 in UTC: the hour 24, the second 60, the 30th of February |
| boolean | 0 and 1 | other whole numbers are true | anything else |
| smallint, integer, bigint | whole numbers in range | | anything else |
| real | numbers in range, rounded to 32 bits as the server reads them | | numbers out of range, anything else |
| double precision | numbers, infinities included | | anything else |
| text, character varying(n) | text of at most n characters | NUL and invalid UTF-8 are U+FFFD; whole numbers are their digits; with `repair`, longer text is cut | blobs, fractions; longer text |
| bytea | blobs | | anything else |
| bigint[] | JSON text of an array of whole numbers | | anything else, -0 too |

A key is never repaired: another key could be another row's.
"""  # noqa: E501

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from .repairs import Rule

SourceValue = int | float | str | bytes | None
TargetValue = bool | int | float | str | bytes | list[int] | None

INTEGER_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
VARCHAR = re.compile(r"character varying\((\d+)\)")
GUID = re.compile(r"(?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}")
TIMESTAMP = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[ T](?P<minutes>\d\d:\d\d)(?::(?P<seconds>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:[0-5]\d)?)?"
)
REPLACEMENT = "\ufffd"
# PostgreSQL keeps microseconds, .NET ticks of 100 ns: one digit less.
FRACTION_DIGITS = 6


class UnfitError(ValueError):
    """A value that the target's column cannot hold as it is; the text says why."""


@dataclass(frozen=True)
class Repaired:
    """A value that had to become another, and by which rule."""

    value: str | bool
    rule: Rule


Converter = Callable[[SourceValue], TargetValue | Repaired]


@dataclass
class Tally:
    """What was changed on the way in, within the documented rules."""

    cut_timestamps: int = 0


def converter(column_type: str, *, nullable: bool, tally: Tally, cut: bool = False) -> Converter | None:
    """The rule for a column of the target, or None when there is none for its type.

    Args:
        column_type: as PostgreSQL's `format_type` writes it.
        nullable: whether NULL may pass.
        tally: counts what the rule changes.
        cut: whether text that is too long is cut; otherwise it is refused.
    """
    rule = _rule(column_type, tally, cut=cut)
    if rule is None:
        return None

    def convert(value: SourceValue) -> TargetValue | Repaired:
        if value is not None:
            return rule(value)
        if nullable:
            return None
        raise UnfitError("NULL where the target wants a value")

    return convert


def _rule(column_type: str, tally: Tally, *, cut: bool) -> Converter | None:
    if column_type in INTEGER_BITS:
        return _integer(INTEGER_BITS[column_type])
    if limit := VARCHAR.fullmatch(column_type):
        return _text(int(limit[1]), cut=cut)
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
        return _hyphenated(f"{first:08x}{second:04x}{third:04x}{value[8:].hex()}")
    if isinstance(value, str):
        bare = value[1:-1] if value[:1] + value[-1:] in ("{}", "()") else value
        if GUID.fullmatch(bare):
            return _hyphenated(bare.replace("-", "").lower())
    raise UnfitError("not a GUID")


def _hyphenated(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


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
            # PostgreSQL knows fewer zones than there are.
            moment = datetime.fromisoformat(text + (match["zone"] or "+00:00")).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise UnfitError(f"not a moment of the years 1 to 9999: {error}") from error
        return moment.isoformat(sep=" ", timespec="microseconds")

    return convert


def _boolean(value: SourceValue) -> bool | Repaired:
    if not isinstance(value, int):
        raise UnfitError("neither 0 nor 1")
    return value == 1 if value in (0, 1) else Repaired(True, Rule.BOOLEAN)


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


def _text(limit: int | None, *, cut: bool = False) -> Converter:
    def convert(value: SourceValue) -> str | Repaired:
        rule: Rule | None = None
        if isinstance(value, int):
            value, rule = str(value), Rule.DIGITS
        if not isinstance(value, str):
            raise UnfitError("not text")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            # The bytes that were no UTF-8 came as lone surrogates.
            value, rule = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), Rule.UTF8
        if "\0" in value:
            value, rule = value.replace("\0", REPLACEMENT), Rule.NUL
        if limit is not None and len(value) > limit:
            if not cut:
                raise UnfitError(f"{len(value)} characters where the target holds {limit}")
            value, rule = value[:limit], Rule.CUT
        return value if rule is None else Repaired(value, rule)

    return convert


def _bytes(value: SourceValue) -> bytes:
    if not isinstance(value, bytes):
        raise UnfitError("not a blob")
    return value


def _bigints(value: SourceValue) -> list[int]:
    try:
        parsed: object = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, list):
        raise UnfitError("not a JSON array")
    # A column may hold a million of them. The only whole number that Python reads and SQLite tells otherwise is -0.
    if not set(map(type, parsed)) <= {int} or "-0" in cast(str, value):
        raise UnfitError("a JSON array with something else than whole numbers")
    numbers = cast(list[int], parsed)
    whole = _integer(64)
    for number in (min(numbers), max(numbers)) if numbers else ():
        whole(number)
    return numbers
