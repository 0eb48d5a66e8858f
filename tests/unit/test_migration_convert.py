"""Each type's rule: what fits arrives exactly, what does not is refused with the reason."""

from __future__ import annotations

from typing import cast

import pytest

from jellyfin_ha.operations.migration.convert import (
    Repaired,
    SourceValue,
    Tally,
    TargetValue,
    UnfitError,
    converter,
)
from jellyfin_ha.operations.migration.repairs import Rule

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
MAX = 9223372036854775807

FITS: list[tuple[str, SourceValue, TargetValue]] = [
    ("uuid", GUID.upper(), GUID),
    ("uuid", f"{{{GUID}}}", GUID),
    ("uuid", f"({GUID})", GUID),
    ("uuid", "0F8FAD5BD9CB469FA16570867728950E", GUID),
    ("uuid", bytes.fromhex("5bad8f0fcbd99f46a16570867728950e"), GUID),
    ("timestamp with time zone", "2026-03-01 12:34:56.1234567", "2026-03-01 12:34:56.123456+00:00"),
    ("timestamp with time zone", "2026-03-01 12:34:56", "2026-03-01 12:34:56.000000+00:00"),
    ("timestamp with time zone", "2026-03-01T12:34Z", "2026-03-01 12:34:00.000000+00:00"),
    ("timestamp with time zone", "2026-03-01 12:34:56.5-05:30", "2026-03-01 18:04:56.500000+00:00"),
    ("timestamp with time zone", "0001-01-01 00:00:00", "0001-01-01 00:00:00.000000+00:00"),
    ("timestamp with time zone", "9999-12-31 23:59:59.9999999", "9999-12-31 23:59:59.999999+00:00"),
    ("boolean", 0, False),
    ("boolean", 1, True),
    ("integer", -2147483648, -2147483648),
    ("bigint", MAX, MAX),
    ("smallint", 32767, 32767),
    ("real", 0.1, 0.10000000149011612),
    ("real", float("-inf"), float("-inf")),
    ("real", 3, 3.0),
    ("double precision", 0.1, 0.1),
    ("double precision", float("inf"), float("inf")),
    ("text", "", ""),
    ("text", "żółć 😀", "żółć 😀"),
    ("character varying(4)", "😀😀😀😀", "😀😀😀😀"),
    ("bytea", b"\0\xff", b"\0\xff"),
    ("bigint[]", "[]", []),
    ("bigint[]", f"[1, -2, {MAX}]", [1, -2, MAX]),
]

UNFIT: list[tuple[str, SourceValue, str]] = [
    ("uuid", "", "not a GUID"),
    ("uuid", GUID[:-1], "not a GUID"),
    ("uuid", f"{{{GUID}", "not a GUID"),
    ("uuid", b"\0" * 15, "not a GUID"),
    ("uuid", 1, "not a GUID"),
    ("timestamp with time zone", "yesterday", "not a date and time"),
    ("timestamp with time zone", 1700000000, "not a date and time"),
    ("timestamp with time zone", "2026-02-30 00:00:00", "not a moment of the years 1 to 9999"),
    ("timestamp with time zone", "0001-01-01 00:00:00+02:00", "not a moment of the years 1 to 9999"),
    ("timestamp with time zone", "2026-01-01 00:00:00\n", "not a date and time"),
    ("boolean", 1.0, "neither 0 nor 1"),
    ("boolean", "1", "neither 0 nor 1"),
    ("integer", 2147483648, r"not in -2147483648\.\.2147483647"),
    ("integer", 1.5, "not a whole number"),
    ("bigint", "1", "not a whole number"),
    ("real", 1e39, "too large"),
    ("real", 1e-60, "too small"),
    ("double precision", MAX, "cannot hold"),
    ("double precision", "1.5", "not a number"),
    ("text", b"bytes", "not text"),
    ("character varying(4)", "12345", "5 characters where the target holds 4"),
    ("character varying(4)", "1234 ", "5 characters where the target holds 4"),
    ("bytea", "text", "not a blob"),
    ("bigint[]", "1", "not a JSON array"),
    ("bigint[]", "[1", "not a JSON array"),
    ("bigint[]", "[null]", "something else than whole numbers"),
    ("bigint[]", "[true]", "something else than whole numbers"),
    ("bigint[]", f"[{MAX + 1}]", "not in"),
]


REPAIRED: list[tuple[str, SourceValue, TargetValue, Rule]] = [
    ("boolean", 2, True, Rule.BOOLEAN),
    ("boolean", -1, True, Rule.BOOLEAN),
    ("text", "a\0b", "a\ufffdb", Rule.NUL),
    ("text", "a\udcffb", "a\ufffdb", Rule.UTF8),
    ("text", 5, "5", Rule.DIGITS),
    ("character varying(2)", -7, "-7", Rule.DIGITS),
]


@pytest.mark.parametrize(("kind", "stored", "held"), FITS)
def test_a_value_that_fits_arrives_exactly(kind: str, stored: SourceValue, held: TargetValue) -> None:
    convert = converter(kind, nullable=False, tally=Tally())
    assert convert is not None
    assert convert(stored) == held
    assert type(convert(stored)) is type(held)


@pytest.mark.parametrize(("kind", "stored", "reason"), UNFIT)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(kind: str, stored: SourceValue, reason: str) -> None:
    convert = converter(kind, nullable=True, tally=Tally())
    assert convert is not None
    with pytest.raises(UnfitError, match=reason):
        convert(stored)


@pytest.mark.parametrize(("kind", "stored", "held", "rule"), REPAIRED)
def test_a_value_that_a_server_reads_as_another_is_repaired_and_told(
    kind: str, stored: SourceValue, held: TargetValue, rule: Rule
) -> None:
    convert = converter(kind, nullable=True, tally=Tally())
    assert convert is not None
    assert convert(stored) == Repaired(cast(str | bool, held), rule)


def test_text_that_is_too_long_is_cut_only_on_request() -> None:
    convert = converter("character varying(4)", nullable=True, tally=Tally(), cut=True)
    assert convert is not None
    assert convert("12345") == Repaired("1234", Rule.CUT)
    assert convert("1234") == "1234"


def test_null_passes_only_where_the_target_takes_it() -> None:
    nullable = converter("uuid", nullable=True, tally=Tally())
    required = converter("uuid", nullable=False, tally=Tally())
    assert nullable is not None
    assert required is not None
    assert nullable(None) is None
    with pytest.raises(UnfitError, match="NULL where the target wants a value"):
        required(None)


def test_only_digits_that_are_lost_are_counted() -> None:
    tally = Tally()
    convert = converter("timestamp with time zone", nullable=False, tally=tally)
    assert convert is not None
    convert("2026-03-01 12:34:56.1234560")
    assert tally.cut_timestamps == 0
    convert("2026-03-01 12:34:56.1234567")
    assert tally.cut_timestamps == 1


def test_a_type_without_a_rule_has_no_converter() -> None:
    assert converter("money", nullable=True, tally=Tally()) is None
