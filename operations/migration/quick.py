"""The quick way through: SQLite's SQL makes what PostgreSQL's own input functions read.

Nearly every value of a real library is stored in the one form that the server writes. Such a value needs no Python:
it is sent as it is, or an expression cuts or dresses it. A value of another form ends the quick way, since a condition
does not hold (`not_plain()` raises), psycopg does not take it or PostgreSQL refuses it; its table is then copied the
careful way, value by value (`convert`). What would slip through all three shows in the verification.
"""

import re
import sqlite3
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from .convert import VARCHAR, UnfitError
from .source import PLAIN_MOMENT, registered

TICK_CHARACTERS = b"0123456789,"
# A number of JSON does not start so, unless it is 0 itself, which a list of key frames has nowhere but in front.
LEADING_ZERO = re.compile(rb",0")


@dataclass(frozen=True)
class Plain:
    """A value in the server's own form, in SQLite's SQL on the column `{c}`.

    Args:
        sent_as: PostgreSQL's type for psycopg to send it with. psycopg takes no value of another kind, and PostgreSQL
            none that its type cannot hold, so most columns need nothing more.
        form: what PostgreSQL reads.
        condition: 1 for a value for which that is right, 0 or NULL for any other; None when there is no other.
    """

    sent_as: str
    form: str = "{c}"
    condition: str | None = None


_PLAIN: Mapping[str, Plain] = {
    "uuid": Plain("text"),
    # PostgreSQL would round the 7th digit; Npgsql, by which servers write, cuts it off.
    "timestamp with time zone": Plain("text", "substr({c}, 1, 26)", PLAIN_MOMENT),
    "boolean": Plain("int8"),
    "smallint": Plain("int8"),
    "integer": Plain("int8"),
    "bigint": Plain("int8"),
    "real": Plain("float8", "plain_single({c})", "typeof({c}) = 'real'"),
    "double precision": Plain("float8", "{c}", "typeof({c}) = 'real'"),
    "text": Plain("text"),
    "character varying": Plain("text"),
    "bytea": Plain("bytea"),
    "bigint[]": Plain("text", "plain_ticks({c})", "typeof({c}) = 'text'"),
}


def plain(column_type: str) -> Plain | None:
    """The quick form of a type of the target, or None when there is none."""
    if limit := VARCHAR.fullmatch(column_type):
        # Characters; PostgreSQL cuts spaces past the limit without a word.
        return Plain("text", "{c}", f"length({{c}}) <= {limit[1]}")
    return _PLAIN.get(column_type)


def expression(plain: Plain, column: str) -> str:
    """What to select for a column (quoted, of the source); a value that is not plain ends the query."""
    if plain.condition is None:
        return plain.form.replace("{c}", column)
    case = f"CASE WHEN {plain.condition} THEN {plain.form} WHEN {{c}} IS NULL THEN NULL ELSE not_plain() END"
    return case.replace("{c}", column)


def prepare(source: sqlite3.Connection) -> None:
    """Give the SQLite side the functions that the expressions call; once a connection."""

    def not_plain() -> NoReturn:
        raise UnfitError("not the form that the server writes")

    registered(source, "plain_ticks", _ticks)
    registered(source, "plain_single", _single)
    source.create_function("not_plain", 0, not_plain)


def _ticks(value: str) -> str:
    """JSON's array as PostgreSQL's. A column may hold a million digits, so they are not parsed here: whatever else
    these characters may say, PostgreSQL refuses."""
    inside = value[1:-1].encode()
    if (
        value[:1] + value[-1:] != "[]"
        or inside.translate(None, TICK_CHARACTERS)
        or (inside[:1] == b"0" and inside[1:2] not in (b"", b","))
        or LEADING_ZERO.search(inside)
    ):
        raise UnfitError("not the form that the server writes")
    return f"{{{value[1:-1]}}}"


def _single(value: float) -> float:
    """The nearest 32-bit number, as the server reads it: PostgreSQL would round the decimal digits instead."""
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    if value and not rounded:
        raise UnfitError("too small for a 32-bit floating-point number")
    return float(rounded)
