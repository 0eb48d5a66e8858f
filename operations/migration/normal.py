"""One form for each type that both databases can tell by themselves, so that equal values look equal.

The conversion has no part in it: each side renders what it holds with its own SQL, and the two are compared.
What Python has to help with on SQLite's side is done with other means of the standard library than `convert` uses.
"""

import ctypes
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg import sql

from .source import PLAIN_MOMENT, registered
from .target import TargetColumn


@dataclass(frozen=True)
class Normal:
    """How a value looks, as an expression of either side's SQL on the column `{c}`."""

    source: str
    target: str


Stored = int | float | str | bytes
AS_IT_IS = Normal("{c}", "{c}")
NORMALS: Mapping[str, Normal] = {
    # Lower case with hyphens.
    "uuid": Normal(
        "CASE WHEN {c} GLOB '????????-????-????-????-????????????' THEN lower({c})"
        " WHEN {c} IS NULL THEN NULL ELSE normal_guid({c}) END",
        "{c}::text",
    ),
    # PostgreSQL's own text in UTC: no zeros at the end of a fraction. .NET's smallest and greatest date, which its
    # PostgreSQL driver writes as infinities, are the years they stand for.
    "timestamp with time zone": Normal(
        f"CASE WHEN {{c}} IS NULL THEN NULL WHEN NOT {PLAIN_MOMENT} THEN normal_moment({{c}})"
        " WHEN length({c}) = 19 THEN {c} || '+00' ELSE rtrim(rtrim(substr({c}, 1, 26), '0'), '.') || '+00' END",
        "CASE {c} WHEN '-infinity' THEN '0001-01-01 00:00:00+00' WHEN 'infinity'"
        " THEN '9999-12-31 23:59:59.999999+00' ELSE {c}::text END",
    ),
    "boolean": Normal("{c}", "{c}::int"),
    # The bits, highest first: as numbers, a zero with a sign would equal one without.
    "real": Normal("CASE WHEN {c} IS NULL THEN NULL ELSE normal_single({c}) END", "float4send({c})"),
    "double precision": Normal("CASE WHEN {c} IS NULL THEN NULL ELSE normal_double({c}) END", "float8send({c})"),
    "bigint[]": Normal("json({c})", "array_to_json({c})::text"),
}
# A zero without its sign, every other number as it is.
UNSIGNED_ZERO: Mapping[str, str] = {"real": "{c} + 0::float4", "double precision": "{c} + 0::float8"}
_BITS: Mapping[str, type[ctypes.c_float] | type[ctypes.c_double]] = {
    "real": ctypes.c_float.__ctype_be__,
    "double precision": ctypes.c_double.__ctype_be__,
}


def source_form(column: TargetColumn, origin: str) -> str:
    """What SQLite selects for a column of the target that `origin`, in its SQL, fills."""
    return _normal(column).source.replace("{c}", origin)


def target_form(column: TargetColumn, *, table: str | None = None, unsigned_zero: bool = False) -> sql.Composed:
    """What PostgreSQL selects for a column.

    Args:
        column: of the target.
        table: its table's alias, when there are several.
        unsigned_zero: whether a zero is told without its sign.
    """
    name = sql.Identifier(table, column.name) if table else sql.Identifier(column.name)
    form = _normal(column).target
    if unsigned_zero:
        form = form.replace("{c}", UNSIGNED_ZERO.get(column.type, "{c}"))
    # The forms are the ones above; only the names come from elsewhere.
    return sql.SQL(form).format(c=name)  # pyright: ignore[reportArgumentType]


def shown(column: TargetColumn, value: object) -> str:
    """A value in its form, for people."""
    bits = _BITS.get(column.type)
    return repr(bits.from_buffer_copy(value).value if bits and isinstance(value, bytes) else value)


def _normal(column: TargetColumn) -> Normal:
    return NORMALS.get(column.type, AS_IT_IS)


def prepare(source: sqlite3.Connection) -> None:
    """Give the SQLite side the functions that the forms call there; once a connection."""
    registered(source, "normal_guid", _guid)
    registered(source, "normal_moment", _moment)
    registered(source, "normal_single", _single)
    registered(source, "normal_double", _double)


def _guid(value: object) -> str:
    return str(UUID(bytes_le=value) if isinstance(value, bytes) else UUID(str(value).strip("{}()")))


def _moment(value: object) -> str:
    # Digits past the 6th of a second are left out by fromisoformat too.
    moment = datetime.fromisoformat(str(value))
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    whole, _, fraction = moment.replace(tzinfo=None).isoformat(sep=" ").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}+00" if fraction else f"{whole}+00"


def _single(value: Stored) -> Stored:
    return bytes(_BITS["real"](value)) if isinstance(value, int | float) else value


def _double(value: Stored) -> Stored:
    # Another kind of value is no number that PostgreSQL has there, and differs from all.
    if isinstance(value, float) or (isinstance(value, int) and int(float(value)) == value):
        return bytes(_BITS["double precision"](value))
    return value
