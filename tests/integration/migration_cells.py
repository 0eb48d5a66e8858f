"""Single values, legal and hostile, each with its fate: written by hand, never computed by the code under test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from tests.integration.migration_library import Held, Stored


@dataclass(frozen=True)
class RawText:
    """Text of these bytes, whether they are UTF-8 or not."""

    content: bytes


@dataclass(frozen=True)
class Arrives:
    """The target holds exactly this."""

    held: Held
    loses_digits: bool = False


@dataclass(frozen=True)
class Becomes:
    """The target holds this, and the list of repairs says by which rule, and what was found."""

    rule: str
    held: Held
    found: str


@dataclass(frozen=True)
class Refused:
    """Nothing is migrated; the refusal names the cell with these words."""

    words: str


Fate = Arrives | Becomes | Refused


@dataclass(frozen=True)
class Cell:
    """A value in a column of PostgreSQL's type `kind`, which SQLite's table declares as `declared`."""

    kind: str
    stored: Stored | RawText
    fate: Fate
    declared: str = ""


GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
HEX = GUID.replace("-", "")
BLOB = bytes.fromhex("5bad8f0fcbd99f46a16570867728950e")
NO_GUID = Refused("not a GUID")
SAME_GUIDS: tuple[Stored, ...] = (
    GUID,
    GUID.upper(),
    "0F8fad5b-D9cb-469F-a165-70867728950E",
    HEX,
    HEX.upper(),
    f"{{{GUID}}}",
    f"({GUID.upper()})",
    f"{{{HEX}}}",
    f"({HEX})",
    BLOB,
    # Hyphens elsewhere: 34 characters, 36 as the common form has, 36 with braces.
    "0f8fad5bd9cb-469fa165-70867728950e",
    "0f8fad5bd9cb-469f-a165-7086-7728950e",
    "{0f8fad5bd9cb-469fa165-70867728950e}",
)
NO_GUIDS: tuple[Stored | RawText, ...] = (
    "",
    "nobody",
    GUID[:-1],
    f"{GUID} ",
    f" {GUID}",
    f"{GUID}\n",
    f"{{{GUID}",
    f"{GUID}}}",
    f"({GUID}}}",
    f"{{{{{GUID}}}}}",
    f"{GUID}\0",
    f"{GUID}\0junk",
    f"urn:uuid:{GUID}",
    "0-f8fad5bd9cb469fa16570867728950e",
    f"{HEX}-",
    f"-{HEX}",
    "g" * 32,
    "０f8fad5b-d9cb-469f-a165-70867728950e",
    BLOB[:15],
    BLOB + b"\0",
    GUID.encode(),
    b"",
    1,
    1.5,
    RawText(b"0f8fad5b-d9cb-469f-a165-70867728950\xff"),
)


def _at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


NOON = (2026, 3, 1, 12, 34, 56)
SAME_MOMENTS: dict[str, datetime] = {
    "2026-03-01 12:34:56": _at(*NOON),
    "2026-03-01 12:34:56.5": _at(*NOON, 500000),
    "2026-03-01 12:34:56.0000000": _at(*NOON),
    "2026-03-01 12:34:56.1234560": _at(*NOON, 123456),
    "2026-03-01 12:34:56.00000100000": _at(*NOON, 1),
    "2026-03-01T12:34:56Z": _at(*NOON),
    "2026-03-01 12:34:56Z": _at(*NOON),
    "2026-03-01T12:34:56.5": _at(*NOON, 500000),
    "2026-03-01T12:34Z": _at(2026, 3, 1, 12, 34),
    "2026-03-01 12:34": _at(2026, 3, 1, 12, 34),
    "2026-03-01": _at(2026, 3, 1),
    "2026-03-01 12:34:56+00:00": _at(*NOON),
    "2020-06-01T10:00:00.5+02:00": _at(2020, 6, 1, 8, 0, 0, 500000),
    "2020-01-01 00:30:00+01:00": _at(2019, 12, 31, 23, 30),
    "2019-12-31 23:30:00-01:00": _at(2020, 1, 1, 0, 30),
    "2024-02-28 23:00:00-05:30": _at(2024, 2, 29, 4, 30),
    "2026-03-01 12:00:00+15:59": _at(2026, 2, 28, 20, 1),
    "2026-03-01 12:00:00+16:00": _at(2026, 2, 28, 20, 0),
    "2026-03-01 12:00:00-23:59": _at(2026, 3, 2, 11, 59),
    "0001-01-01 00:00:00": _at(1, 1, 1),
    "0001-01-01 02:00:00+02:00": _at(1, 1, 1),
    "0099-12-31 23:59:59": _at(99, 12, 31, 23, 59, 59),
    "1582-10-10 00:00:00": _at(1582, 10, 10),
    "1969-12-31 23:59:59.999999": _at(1969, 12, 31, 23, 59, 59, 999999),
    "2024-02-29 00:00:00": _at(2024, 2, 29),
    "2026-03-29 02:30:00": _at(2026, 3, 29, 2, 30),
    "9999-12-31 23:59:59": _at(9999, 12, 31, 23, 59, 59),
}
CUT_MOMENTS: dict[str, datetime] = {
    "2026-03-01 12:34:56.1234567": _at(*NOON, 123456),
    "2026-03-01 12:34:56.9999999": _at(*NOON, 999999),
    "2026-03-01 12:34:56.0000001": _at(*NOON),
    "2026-03-01 12:34:56.12345678": _at(*NOON, 123456),
    "2026-03-01 12:34:56.123456000000009": _at(*NOON, 123456),
    "2026-03-01T12:34:56.1234567Z": _at(*NOON, 123456),
    "2026-03-01 12:34:56.1234567+02:00": _at(2026, 3, 1, 10, 34, 56, 123456),
    "0001-01-01 00:00:00.0000001": _at(1, 1, 1),
    "9999-12-31 23:59:59.9999999": _at(9999, 12, 31, 23, 59, 59, 999999),
}
NO_FORM = "not a date and time of the form yyyy-MM-dd HH:mm:ss.fffffff"
NO_FORMS: tuple[Stored | RawText, ...] = (
    "",
    " ",
    "now",
    "today",
    "epoch",
    "infinity",
    "-infinity",
    "12:34:56",
    "2026",
    "2026-1-1 00:00:00",
    "2026-060",
    "2026-W10-1",
    "20260301 123456",
    "20260301T123456",
    "03/01/2026 12:34:56",
    "J2461000",
    "-2026-03-01 12:34:56",
    "10000-01-01 00:00:00",
    " 2026-03-01 12:34:56",
    "2026-03-01 12:34:56 ",
    "2026-03-01 12:34:56\n",
    "2026-03-01  12:34:56",
    "2026-03-01\t12:34:56",
    "2026-03-01 \t\t\t12:34",
    "2026-03-01 12:34   ",
    "2026-03-01 12:34:5",
    "2026-03-01 12:34:56.",
    "2026-03-01 12:34:56,5",
    "2026-03-01 12:34:56.5.5",
    "2026-03-01 12:34:56.5-2",
    "2026-03-01 12:34:5612",
    "2026-03-01 12:34:56 PM",
    "2026-03-01 12:34:56 BC",
    "2026-03-01 12:34:56 UTC",
    "2026-03-01 12:34:56 +02:00",
    "2026-03-01 12:34:56+0200",
    "2026-03-01 12:34:56+02",
    "2026-03-01 12:34:56+02:60",
    "2026-03-01t12:34:56z",
    # A zone without a time: each reader takes it for something else.
    "2026-03-01Z",
    "2026-03-01+02:00",
    "2026-03-01 12:34:56\0",
    "2026-03-01 12:34:56\0junk",
    "2026-03-01 12:34:56.5\0junk",
    "2026-03-01 12:34:56.1234567\0junk",
    b"2026-03-01 12:34:56",
    2461000.5,
    1700000000,
    1700000000000,
    RawText(b"2026-03-01 12:34:56\xff"),
)
NO_MOMENT = "not a moment of the years 1 to 9999"
NO_MOMENTS = (
    "2026-02-30 00:00:00",
    "2023-02-29 00:00:00",
    "2026-04-31 12:00:00.5",
    "2026-13-01 00:00:00",
    "2026-00-10 00:00:00",
    "2026-01-00 00:00:00",
    "0000-01-01 00:00:00",
    "2026-03-01 24:00:00",
    "2026-03-01 24:00:00.0000000",
    "2026-03-01 25:00:00",
    "2026-03-01 12:60:00",
    "2026-03-01 23:59:60",
    "2016-12-31 23:59:60",
    "2026-03-01 12:34:56+24:00",
    "0001-01-01 00:00:00+02:00",
    "9999-12-31 23:59:59-01:00",
    "٢٠٢٦-٠٣-٠١ 00:00:00",
)

INT4 = (-2147483648, 2147483647)
INT8 = (-9223372036854775808, 9223372036854775807)
NOT_WHOLE = Refused("not a whole number")
FLOAT_MAX = 3.4028234663852886e38
FLOAT_LEAST = 1.401298464324817e-45
NO_NUMBER = Refused("not a number")
NO_TEXT = Refused("not text")
NO_BLOB = Refused("not a blob")
NO_ARRAY = Refused("not a JSON array")
OTHER_ELEMENTS = Refused("a JSON array with something else than whole numbers")
TEXTS = (
    "",
    " ",
    "plain",
    " spaces ",
    "\\N",
    "\\.",
    "\\",
    "\\\\",
    "\\x41\\101\\u0041",
    "a\n\\.\nb",
    "tab\tline\nreturn\rboth\r\nfeed\x0c\x0b\x08",
    "".join(map(chr, range(1, 32))) + "\x7f\x85\xa0",
    "NULL",
    "null",
    "{1,2}",
    'O\'Neil "quoted" `x` $1 %s {} ; --',
    "\u2028\u2029\u200b\u202e",
    "\ufeffbom",
    "\ufffd",
    "\uffff\ufffe\U0010ffff",
    "żółć 漢字 😀",
    # Composed and decomposed stay two things.
    "é",
    "e\u0301",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "😀" * 65535,
    "x" * 65535,
    "long " * 200_000,
)
TICKS: dict[str, list[int]] = {
    "[]": [],
    "[ ]": [],
    "[0]": [0],
    "[0,1]": [0, 1],
    "[0,0, 0]": [0, 0, 0],
    "[1,2,3]": [1, 2, 3],
    "[1, 2]": [1, 2],
    "[10,20,100]": [10, 20, 100],
    "[-5]": [-5],
    "[\n  1,\n\t2\r\n]": [1, 2],
    " [1]": [1],
    "[1]\n": [1],
    "[-9223372036854775808,9223372036854775807]": list(INT8),
    f"[{','.join(map(str, range(0, 300_000)))}]": list(range(300_000)),
}
OUT_OF_RANGE = Refused("not in -9223372036854775808..9223372036854775807")
NO_TICKS: dict[Stored, Refused] = {
    "": NO_ARRAY,
    " ": NO_ARRAY,
    "null": NO_ARRAY,
    "1": NO_ARRAY,
    "[1": NO_ARRAY,
    "1]": NO_ARRAY,
    "{1}": NO_ARRAY,
    '{"a":1}': NO_ARRAY,
    "[01]": NO_ARRAY,
    "[00]": NO_ARRAY,
    "[1,02]": NO_ARRAY,
    "[1, 007]": NO_ARRAY,
    "[-01]": NO_ARRAY,
    "[+1]": NO_ARRAY,
    "[- 1]": NO_ARRAY,
    "[1-1]": NO_ARRAY,
    "[1,]": NO_ARRAY,
    "[,]": NO_ARRAY,
    "[,1]": NO_ARRAY,
    "[1 2]": NO_ARRAY,
    "[1]x": NO_ARRAY,
    "[1]\0": NO_ARRAY,
    "[1\0]": NO_ARRAY,
    "[1\u00a0]": NO_ARRAY,
    "\ufeff[1]": NO_ARRAY,
    "[١]": NO_ARRAY,
    "[0x1]": NO_ARRAY,
    "[1_0]": NO_ARRAY,
    f"[{'9' * 5000}]": NO_ARRAY,
    "[" * 100_000: NO_ARRAY,
    b"[1]": NO_ARRAY,
    5: NO_ARRAY,
    "[null]": OTHER_ELEMENTS,
    "[[1]]": OTHER_ELEMENTS,
    "[[]]": OTHER_ELEMENTS,
    "[1.0]": OTHER_ELEMENTS,
    "[1e3]": OTHER_ELEMENTS,
    '["1"]': OTHER_ELEMENTS,
    "[true]": OTHER_ELEMENTS,
    "[NaN]": OTHER_ELEMENTS,
    "[-0]": OTHER_ELEMENTS,
    "[0, -0]": OTHER_ELEMENTS,
    "[9223372036854775808]": OUT_OF_RANGE,
    "[-9223372036854775809]": OUT_OF_RANGE,
    "[99999999999999999999999]": OUT_OF_RANGE,
}


def cells() -> Iterator[Cell]:
    """All of them."""
    yield from _guids()
    yield from _moments()
    yield from _booleans()
    yield from _whole_numbers()
    yield from _numbers()
    yield from _texts()
    yield from _others()


def _guids() -> Iterator[Cell]:
    yield from (Cell("uuid", stored, Arrives(UUID(GUID))) for stored in SAME_GUIDS)
    yield from (Cell("uuid", stored, NO_GUID) for stored in NO_GUIDS)
    yield Cell("uuid", None, Arrives(None))
    yield Cell("uuid", "0" * 32, Arrives(UUID(int=0)))
    yield Cell("uuid", b"\xff" * 16, Arrives(UUID("f" * 32)))


def _moments() -> Iterator[Cell]:
    kind = "timestamp with time zone"
    yield Cell(kind, None, Arrives(None))
    yield from (Cell(kind, stored, Arrives(held)) for stored, held in SAME_MOMENTS.items())
    yield from (Cell(kind, stored, Arrives(held, loses_digits=True)) for stored, held in CUT_MOMENTS.items())
    yield from (Cell(kind, stored, Refused(NO_FORM)) for stored in NO_FORMS)
    yield from (Cell(kind, stored, Refused(NO_MOMENT)) for stored in NO_MOMENTS)


def _booleans() -> Iterator[Cell]:
    yield Cell("boolean", None, Arrives(None))
    yield Cell("boolean", 0, Arrives(False))
    yield Cell("boolean", 1, Arrives(True))
    yield Cell("boolean", "1", Arrives(True), "INTEGER")
    yield Cell("boolean", 1.0, Arrives(True), "INTEGER")
    for other in (2, -1, *INT8):
        yield Cell("boolean", other, Becomes("boolean", True, str(other)))
    for bad in ("true", "t", "1", "0", "", 1.0, 0.0, 0.5, b"\1", b""):
        yield Cell("boolean", bad, Refused("neither 0 nor 1"))
    yield Cell("boolean", "true", Refused("neither 0 nor 1"), "INTEGER")


def _whole_numbers() -> Iterator[Cell]:
    for kind, (least, most) in {"smallint": (-32768, 32767), "integer": INT4, "bigint": INT8}.items():
        yield from (Cell(kind, whole, Arrives(whole)) for whole in (None, 0, -1, least, most))
        for bad in ("abc", "5", "5 ", "", 5.0, 5.5, float("inf"), b"5", RawText(b"5\xff"), "5\0"):
            yield Cell(kind, bad, NOT_WHOLE)
        # What SQLite makes of them before anybody reads.
        for text in ("5 ", " 5", "5.0", "+5", "05", "5e0"):
            yield Cell(kind, text, Arrives(5), "INTEGER")
        yield Cell(kind, 5.0, Arrives(5), "INTEGER")
        for bad in ("abc", "5 x", "0x5", "9223372036854775808", 1e300, 5.5, b"5", ""):
            yield Cell(kind, bad, NOT_WHOLE, "INTEGER")
    yield from (Cell("bigint", whole, Arrives(whole)) for whole in (4294967295, 1 << 62, (1 << 53) + 1))
    for whole in (INT4[0] - 1, INT4[1] + 1, 3_000_000_000, *INT8):
        yield Cell("integer", whole, Refused("not in -2147483648..2147483647"))
    yield from (Cell("smallint", whole, Refused("not in -32768..32767")) for whole in (-32769, 32768))


def _numbers() -> Iterator[Cell]:
    infinite = float("inf")
    singles = {
        1.5: 1.5,
        0.1: 0.10000000149011612,
        -0.0: -0.0,
        infinite: infinite,
        -infinite: -infinite,
        FLOAT_MAX: FLOAT_MAX,
        -FLOAT_MAX: -FLOAT_MAX,
        FLOAT_LEAST: FLOAT_LEAST,
        # Between two 32-bit numbers: to the even one, and to the nearer one.
        1 + 2**-24: 1.0,
        1 + 3 * 2**-24: 1 + 2**-22,
        1 + 2**-24 + 2**-40: 1 + 2**-23,
        16777217.0: 16777216.0,
        3.4028235677973362e38: FLOAT_MAX,
        7.1e-46: FLOAT_LEAST,
        1.1754943508222875e-38: 1.1754943508222875e-38,
        1.1e-38: 1.0999999565761737e-38,
    }
    yield from (Cell("real", stored, Arrives(held)) for stored, held in singles.items())
    yield Cell("real", 3, Arrives(3.0))
    yield Cell("real", 3, Arrives(3.0), "REAL")
    yield Cell("real", "1.5", Arrives(1.5), "REAL")
    yield Cell("real", 16777217, Arrives(16777216.0))
    for large in (3.4028235677973366e38, 1e39, -1e39, 1.7976931348623157e308):
        yield Cell("real", large, Refused("too large for a 32-bit floating-point number"))
    for small in (7.0e-46, -1e-60, 5e-324):
        yield Cell("real", small, Refused("too small for a 32-bit floating-point number"))
    for exact in (0.1, 1 / 3, -0.0, infinite, -infinite, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308):
        yield Cell("double precision", exact, Arrives(exact))
    yield Cell("double precision", 3, Arrives(3.0))
    yield Cell("double precision", 1 << 53, Arrives(float(1 << 53)))
    yield Cell("double precision", (1 << 53) + 1, Arrives(float(1 << 53)), "REAL")
    for kind in ("real", "double precision"):
        yield Cell(kind, None, Arrives(None))
        # SQLite stores NULL for NaN.
        yield Cell(kind, float("nan"), Arrives(None))
        for whole in ((1 << 53) + 1, INT8[1]):
            yield Cell(kind, whole, Refused("a whole number that 64-bit floating point cannot hold"))
        for bad in ("NaN", "Infinity", "1.5", "1,5", "", b"1.5"):
            yield Cell(kind, bad, NO_NUMBER)
        yield Cell(kind, "NaN", NO_NUMBER, "REAL")


def _texts() -> Iterator[Cell]:
    replaced = "\ufffd"
    for kind in ("text", "character varying(8)"):
        yield Cell(kind, None, Arrives(None))
        yield Cell(kind, "a\0b", Becomes("nul", f"a{replaced}b", "a\\x00b"))
        yield Cell(kind, "\0a", Becomes("nul", f"{replaced}a", "\\x00a"))
        yield Cell(kind, "a\0", Becomes("nul", f"a{replaced}", "a\\x00"))
        yield Cell(kind, "\0", Becomes("nul", replaced, "\\x00"))
        yield Cell(kind, "\0\0żó", Becomes("nul", f"{replaced}{replaced}żó", "\\x00\\x00żó"))
        for content, held, found in (
            (b"\xff", replaced, "\\xff"),
            (b"a\xe2\x82", f"a{replaced}", "a\\xe2\\x82"),
            (b"\xe2\x82b", f"{replaced}b", "\\xe2\\x82b"),
            (b"\xc0\xaf", replaced * 2, "\\xc0\\xaf"),
            (b"\xed\xa0\x80", replaced * 3, "\\xed\\xa0\\x80"),
            (b"\xf4\x90\x80\x80", replaced * 4, "\\xf4\\x90\\x80\\x80"),
            ("ż".encode() + b"\xc5", f"ż{replaced}", "ż\\xc5"),
        ):
            yield Cell(kind, RawText(content), Becomes("utf-8", held, found))
        yield Cell(kind, RawText(b"\0\xff"), Becomes("nul", replaced * 2, "\\x00\\xff"))
        yield from (Cell(kind, whole, Becomes("digits", str(whole), str(whole))) for whole in (5, -7, 0))
        yield Cell(kind, 5, Arrives("5"), "TEXT")
        yield Cell(kind, 1.5, Arrives("1.5"), "TEXT")
        yield from (Cell(kind, bad, NO_TEXT) for bad in (1.5, float("inf"), b"bytes", b"", b"\xff"))
    yield from (Cell("text", text, Arrives(text)) for text in TEXTS)
    yield from (Cell("text", whole, Becomes("digits", str(whole), str(whole))) for whole in INT8)
    limited = "character varying(8)"
    for text in ("12345678", "😀" * 8, "e\u0301" * 4, "1234567 ", " " * 8, "\\N\\N\\N\\N"):
        yield Cell(limited, text, Arrives(text))
    nine = Refused("9 characters where the target holds 8")
    for text in ("123456789", "12345678 ", " " * 9, "😀" * 9, "12345678\0", 123456789, RawText(b"12345678\xff")):
        yield Cell(limited, text, nine)
    yield Cell(limited, "1234567\0", Becomes("nul", f"1234567{replaced}", "1234567\\x00"))


def _others() -> Iterator[Cell]:
    for blob in (b"", b"\0", b"\\x00", bytes(range(256)), b"\xff" * 100_000):
        yield Cell("bytea", blob, Arrives(blob))
    yield Cell("bytea", None, Arrives(None))
    yield from (Cell("bytea", bad, NO_BLOB) for bad in ("text", "", "\\x00", 5, 1.5))
    yield Cell("bigint[]", None, Arrives(None))
    yield from (Cell("bigint[]", stored, Arrives(held)) for stored, held in TICKS.items())
    yield from (Cell("bigint[]", stored, refused) for stored, refused in NO_TICKS.items())
