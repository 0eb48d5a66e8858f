"""The quick way through: SQLite's SQL makes what PostgreSQL's own input functions read.

Nearly every value of a real library is stored in the one form that the server writes. Such a value needs no Python:
it is sent as it is, or an expression cuts or dresses it. A value of another form ends the quick way, since a condition
does not hold (`not_plain()` raises), psycopg does not take it or PostgreSQL refuses it; its table is then copied the
careful way, value by value (`convert`). What would slip through all three shows in the verification.
"""

import sqlite3
import struct
from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NoReturn

from pydantic_core import from_json

from .convert import VARCHAR, UnfitError
from .source import PLAIN_MOMENT, registered

TICK_CHARACTERS = b"0123456789,"
UUID_CHARACTERS, UUID_BYTES = 36, 16
# PostgreSQL's binary form of an array: dimensions, whether it has NULLs, type of its elements; for each dimension how
# many and the first index; then each element with its length in front.
ARRAY, DIMENSION, LENGTH = struct.Struct(">3i"), struct.Struct(">2i"), struct.Struct(">i")
BIGINT_OID, BIGINT_BYTES = 20, 8


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
# What goes over in PostgreSQL's binary format instead: a table with long lists of numbers, whose digits it would take
# more than twice as long to read. Other types are better off with text.
_BINARY: Mapping[str, Plain] = {
    "uuid": Plain("bytea", "binary_uuid({c})", "typeof({c}) = 'text'"),
    "bigint": Plain("int8"),
    "bigint[]": Plain("bytea", "binary_ticks({c})", "typeof({c}) = 'text'"),
}


def in_binary(column_types: Collection[str]) -> bool:
    """Whether a table with columns of these types goes over in PostgreSQL's binary format."""
    return "bigint[]" in column_types and _BINARY.keys() >= set(column_types)


def plain(column_type: str, *, binary: bool = False) -> Plain | None:
    """The quick form of a type of the target, or None when there is none."""
    if binary:
        return _BINARY.get(column_type)
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
    registered(source, "binary_ticks", _binary_ticks)
    registered(source, "binary_uuid", _binary_uuid)
    registered(source, "plain_single", _single)
    source.create_function("not_plain", 0, not_plain)


def _ticks(value: str) -> str:
    """JSON's array as PostgreSQL's text."""
    return f"{{{','.join(map(str, _numbers(value)))}}}"


def _binary_ticks(value: str) -> bytes:
    """JSON's array in PostgreSQL's binary form."""
    numbers = _numbers(value)
    if not numbers:
        return ARRAY.pack(0, 0, BIGINT_OID)
    numbers.byteswap()
    content = numbers.tobytes()
    size = LENGTH.size + BIGINT_BYTES
    elements = bytearray(LENGTH.pack(BIGINT_BYTES) + bytes(BIGINT_BYTES)) * len(numbers)
    # The same byte of all elements at once: thousands of elements are no loop in Python.
    for place in range(BIGINT_BYTES):
        elements[LENGTH.size + place :: size] = content[place::BIGINT_BYTES]
    return ARRAY.pack(1, 0, BIGINT_OID) + DIMENSION.pack(len(numbers), 1) + elements


def _numbers(value: str) -> "array[int]":
    # Whatever else JSON can say is not the server's form.
    if value[:1] + value[-1:] != "[]" or value[1:-1].encode().translate(None, TICK_CHARACTERS):
        raise UnfitError("not the form that the server writes")
    return array("q", from_json(value))


def _binary_uuid(value: str) -> bytes:
    content = bytes.fromhex(value.replace("-", ""))
    if len(value) != UUID_CHARACTERS or len(content) != UUID_BYTES:
        raise UnfitError("not the form that the server writes")
    return content


def _single(value: float) -> float:
    """The nearest 32-bit number, as the server reads it: PostgreSQL would round the decimal digits instead."""
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    if value and not rounded:
        raise UnfitError("too small for a 32-bit floating-point number")
    return float(rounded)
