"""The quick way through: SQLite's SQL makes what PostgreSQL's own input functions read.

Nearly every value of a real library is stored in the one form that the server writes. Such a value needs no Python:
a condition sees that it has that form, an expression cuts or dresses it where needed. A value of another form ends
the quick way (`not_plain()` raises), and its table is copied the careful way, value by value (`convert`).
"""

import sqlite3
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from .convert import VARCHAR, Tally, UnfitError, converter
from .source import registered

_DIGIT = "[0-9]"
_MOMENT = f"{_DIGIT * 4}-{_DIGIT * 2}-{_DIGIT * 2} {_DIGIT * 2}:{_DIGIT * 2}:{_DIGIT * 2}*"


@dataclass(frozen=True)
class Plain:
    """A value in the server's own form, in SQLite's SQL on the column `{c}`.

    Args:
        condition: 1 for such a value, 0 or NULL for any other.
        form: what PostgreSQL reads.
        sent_as: PostgreSQL's type for psycopg to send it with.
    """

    condition: str
    form: str
    sent_as: str


_WHOLE = Plain("typeof({c}) = 'integer'", "{c}", "int8")
_TEXT = Plain("typeof({c}) = 'text'", "{c}", "text")
_PLAIN: Mapping[str, Plain] = {
    "uuid": _TEXT,
    "timestamp with time zone": Plain(
        # PostgreSQL would take 24:00:00 and a 60th second, which .NET does not have.
        f"length({{c}}) BETWEEN 19 AND 27 AND {{c}} GLOB '{_MOMENT}' AND {{c}} NOT GLOB '*[^-0-9:. ]*'"
        " AND substr({c}, 12, 2) < '24' AND substr({c}, 18, 2) < '60'",
        # PostgreSQL would round the 7th digit; Npgsql, by which servers write, cuts it off.
        "substr({c}, 1, 26)",
        "text",
    ),
    "boolean": _WHOLE,
    "smallint": _WHOLE,
    "integer": _WHOLE,
    "bigint": _WHOLE,
    "real": Plain("typeof({c}) = 'real'", "plain_single({c})", "float8"),
    "double precision": Plain("typeof({c}) = 'real'", "{c}", "float8"),
    "text": _TEXT,
    "character varying": _TEXT,
    "bytea": Plain("typeof({c}) = 'blob'", "{c}", "bytea"),
    "bigint[]": Plain("typeof({c}) = 'text'", "plain_ticks({c})", "text"),
}


def plain(column_type: str) -> Plain | None:
    """The quick form of a type of the target, or None when there is none."""
    if limit := VARCHAR.fullmatch(column_type):
        # Characters; PostgreSQL cuts spaces past the limit without a word.
        return Plain(f"typeof({{c}}) = 'text' AND length({{c}}) <= {limit[1]}", "{c}", "text")
    return _PLAIN.get(column_type)


def expression(form: Plain, column: str, *, nullable: bool) -> str:
    """What to select for a column (quoted, of the source); any value that is not plain ends the query."""
    null = f" WHEN {column} IS NULL THEN NULL" if nullable else ""
    return f"CASE WHEN {form.condition} THEN {form.form}{null} ELSE not_plain() END".replace("{c}", column)


def prepare(source: sqlite3.Connection) -> None:
    """Give the SQLite side the functions that the expressions call; once a connection."""
    ticks = converter("bigint[]", nullable=False, tally=Tally())

    def plain_ticks(value: str) -> str:
        if ticks is None or value[:1] + value[-1:] != "[]":
            not_plain()
        ticks(value)
        return f"{{{value[1:-1]}}}"

    def not_plain() -> NoReturn:
        raise UnfitError("not the form that the server writes")

    registered(source, "plain_ticks", plain_ticks)
    registered(source, "plain_single", _single)
    source.create_function("not_plain", 0, not_plain)


def _single(value: float) -> float:
    """The nearest 32-bit number, as the server reads it: PostgreSQL would round the decimal digits instead."""
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    if value and not rounded:
        raise UnfitError("too small for a 32-bit floating-point number")
    return float(rounded)
