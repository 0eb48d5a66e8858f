"""Generated libraries: what arrives is what a model of the test's own says, whatever was stored, or nothing does."""

from __future__ import annotations

import ctypes
import json
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jellyfin_ha.lab.mediaserver.schema import Column, Table, load_model
from jellyfin_ha.lab.mediaserver.schema.ddl import sqlite_ddl
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import Options, RefusedError, migrate
from jellyfin_ha.operations.migration.reverse import reverse
from tests.integration.conftest import ServerTemplate
from tests.integration.migration_cells import Arrives, Becomes, Fate, RawText, Refused, cells
from tests.integration.migration_library import (
    GUID_FORMS,
    Held,
    Pair,
    Stored,
    guid_of,
    require_held,
    state,
)
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration

RICH = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
INT8 = (-(1 << 63), (1 << 63) - 1)
FLOAT_MAX = 3.4028234663852886e38
UNIQUE = {(index.table, name) for index in load_model().indexes if index.unique for name in index.columns}
Pool = Mapping[str, list[Pair]]


# What is legal, in every form, with what PostgreSQL must hold.


def _moment(moment: datetime, digit: int, form: int, minutes: int) -> Pair:
    held = moment.replace(tzinfo=UTC)
    text = f"{moment:%H:%M:%S}.{moment.microsecond:06d}"
    date = f"{moment.year:04d}-{moment:%m-%d}"
    if form == 0:
        # Microsoft.Data.Sqlite's own: up to 7 digits, none of them a zero at the end.
        return f"{date} {text}{digit}".rstrip("0").rstrip("."), held
    if form == 1:
        return f"{date}T{text}{digit}Z", held
    try:
        there = moment + timedelta(minutes=minutes)
    except OverflowError:
        return f"{date} {text}", held
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    return f"{there.year:04d}-{there:%m-%d} {there:%H:%M:%S}.{there.microsecond:06d}{digit}{zone}", held


def _same(value: Stored) -> Pair:
    return value, value


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def _pairs(kind: str) -> st.SearchStrategy[Pair]:
    if limit := re.fullmatch(r"character varying\((\d+)\)", kind):
        return st.text(LETTERS, max_size=min(int(limit[1]), 60)).map(_same)
    return {
        "uuid": st.builds(lambda guid, form: (form(guid), guid), st.uuids(), st.sampled_from(GUID_FORMS)),
        "timestamp with time zone": st.builds(
            _moment, st.datetimes(), st.integers(0, 9), st.integers(0, 2), st.integers(-1439, 1439)
        ),
        "boolean": st.booleans().map(lambda truth: (int(truth), truth)),
        "integer": st.integers(-(1 << 31), (1 << 31) - 1).map(_same),
        "bigint": st.integers(*INT8).map(_same),
        "real": st.floats(-FLOAT_MAX, FLOAT_MAX, width=32).map(_same),
        "double precision": st.floats(allow_nan=False).map(_same),
        "bytea": st.binary(max_size=60).map(_same),
        "bigint[]": st.builds(
            lambda ticks, separator: (json.dumps(ticks, separators=(separator, ":")), ticks),
            st.lists(st.integers(*INT8), max_size=20),
            st.sampled_from([",", ", ", ",\n\t", " ,"]),
        ),
        "text": st.text(LETTERS, max_size=60).map(_same),
    }[kind]


KINDS = sorted({column.pg_type for table in load_model().tables for column in table.columns})
POOLS = st.fixed_dictionaries({kind: st.lists(_pairs(kind), min_size=3, max_size=5) for kind in KINDS})


@dataclass
class Generated:
    """A file, and what PostgreSQL must hold of it."""

    path: Path
    held: dict[str, list[dict[str, Held]]]

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None)


def _library(path: Path, pool: Pool, seed: int) -> Generated:
    """Every table with up to four rows; references lead to any row of the other table."""
    path.unlink(missing_ok=True)
    model, choose = load_model(), random.Random(seed)
    held: dict[str, list[dict[str, Held]]] = {}
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    for statement in sqlite_ddl(model):
        connection.execute(statement)
    history = [(name, "9.0.11") for name in model.sqlite_migrations]
    history += [(name, "10.11.11.0") for name in model.code_migrations]
    connection.executemany('INSERT INTO "__EFMigrationsHistory" VALUES (?, ?)', history)
    for table in model.tables:
        held[table.name] = []
        # No more than parents, so that each row has its own where a reference is all that tells rows apart.
        parents = [len(held[key.ref_table]) for key in table.foreign_keys if key.ref_table != table.name]
        rows = min([choose.randint(1, 4), *parents])
        for number in range(rows):
            pairs = {column.name: _pair(table, column, number, rows, pool, choose, held) for column in table.columns}
            names = ", ".join(f'"{name}"' for name in pairs)
            connection.execute(
                f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join("?" * len(pairs))})',  # noqa: S608
                [stored for stored, _ in pairs.values()],
            )
            held[table.name].append({name: value for name, (_, value) in pairs.items()})
    connection.commit()
    connection.close()
    return Generated(path, held)


def _pair(
    table: Table,
    column: Column,
    number: int,
    rows: int,
    pool: Pool,
    choose: random.Random,
    held: Mapping[str, list[dict[str, Held]]],
) -> Pair:
    form = choose.choice(GUID_FORMS)
    distinct = column.key_position is not None or (table.name, column.name) in UNIQUE
    for key in table.foreign_keys:
        if key.column == column.name:
            if column.nullable and choose.random() < 0.3:
                return None, None
            if key.ref_table == table.name:
                guid = guid_of(table.name, choose.randrange(rows))
                return form(guid), guid
            parents = [row[key.ref_column] for row in held[key.ref_table]]
            parent = parents[number]
            return (form(parent), parent) if isinstance(parent, UUID) else (parent, parent)  # type: ignore[return-value]
    if distinct and column.pg_type == "uuid":
        guid = guid_of(table.name, number)
        return form(guid), guid
    if distinct and column.pg_type == "integer":
        return number + 1, number + 1
    if column.nullable and choose.random() < 0.2:
        return None, None
    stored, value = choose.choice(pool[column.pg_type])
    if distinct:
        assert isinstance(stored, str)
        return f"{number}{stored}"[:30], f"{number}{stored}"[:30]
    return stored, value


@pytest.fixture(scope="module")
def places(postgres_server: PostgresServer, new_server: ServerTemplate) -> Iterator[list[str]]:
    """Two targets, of which each example replaces the content."""
    with (
        postgres_server.database(owner=new_server.role, template=new_server.name) as one,
        postgres_server.database(owner=new_server.role, template=new_server.name) as other,
    ):
        yield [
            postgres_server.conninfo(name, user=new_server.role, password=new_server.password) for name in (one, other)
        ]


REPLACE = Options(replace=True)


@given(pool=POOLS, seed=st.integers(0, 1 << 30))
@settings(RICH, max_examples=12)
def test_a_library_arrives_as_the_model_says(pool: Pool, seed: int, places: list[str], tmp_path: Path) -> None:
    library = _library(tmp_path / "jellyfin.db", pool, seed)
    result = migrate(library.path, places[0], options=REPLACE)
    require_held(places[0], library.held)
    assert result.repairs == ()
    assert result.rows_by_table == {table: len(rows) for table, rows in library.held.items()}


@given(pool=POOLS, seed=st.integers(0, 1 << 30))
@settings(RICH, max_examples=6)
def test_there_and_back_and_there_again_is_the_same(pool: Pool, seed: int, places: list[str], tmp_path: Path) -> None:
    library = _library(tmp_path / "jellyfin.db", pool, seed)
    migrate(library.path, places[0], options=REPLACE)
    (tmp_path / "back.db").unlink(missing_ok=True)
    reverse(places[0], tmp_path / "back.db", library.path)
    migrate(tmp_path / "back.db", places[1], options=REPLACE)
    require_held(places[1], library.held)


# What is not: any value in any column.

GUID = re.compile(rb"[0-9a-fA-F]{4}(-?[0-9a-fA-F]{4}){7}")
MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:(Z)|([+-])(\d\d):([0-5]\d))?)?", re.ASCII
)
NO = Refused("")


def _fate(column: Column, value: object) -> Fate:
    """What must become of a value that SQLite holds; text is `RawText`."""
    if value is None:
        return Arrives(None) if column.nullable else NO
    kind = column.pg_type
    limit = re.fullmatch(r"character varying\((\d+)\)", kind)
    if kind == "text" or limit:
        return _text_fate(value, int(limit[1]) if limit else None)
    rule: Callable[[object], Fate] = {
        "uuid": _guid_fate,
        "timestamp with time zone": _moment_fate,
        "boolean": _truth_fate,
        "integer": lambda found: _whole_fate(found, 32),
        "bigint": lambda found: _whole_fate(found, 64),
        "real": _single_fate,
        "double precision": _double_fate,
        "bytea": lambda found: Arrives(found) if isinstance(found, bytes) else NO,
        "bigint[]": _ticks_fate,
    }[kind]
    return rule(value)


def _guid_fate(value: object) -> Fate:
    if isinstance(value, bytes):
        return Arrives(UUID(bytes_le=value)) if len(value) == 16 else NO
    if not isinstance(value, RawText):
        return NO
    text = value.content
    if (text[:1], text[-1:]) in ((b"{", b"}"), (b"(", b")")):
        text = text[1:-1]
    return Arrives(UUID(text.replace(b"-", b"").decode())) if GUID.fullmatch(text) else NO


def _moment_fate(value: object) -> Fate:
    text = value.content.decode("utf-8", "replace") if isinstance(value, RawText) else ""
    found = MOMENT.fullmatch(text)
    if found is None:
        return NO
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = found.groups(default="0")
    away = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        clock = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
        if away >= timedelta(days=1):
            return NO
        moment = clock + timedelta(microseconds=int(fraction[:6].ljust(6, "0"))) - (-away if sign == "-" else away)
    except (ValueError, OverflowError):
        return NO
    return Arrives(moment, loses_digits=fraction[6:].strip("0") != "")


def _truth_fate(value: object) -> Fate:
    if not isinstance(value, int):
        return NO
    return Arrives(bool(value)) if value in (0, 1) else Becomes("boolean", True, str(value))


def _whole_fate(value: object, bits: int) -> Fate:
    return Arrives(value) if isinstance(value, int) and -(1 << bits - 1) <= value < 1 << bits - 1 else NO


def _double_fate(value: object) -> Fate:
    if isinstance(value, int):
        return Arrives(float(value)) if int(float(value)) == value else NO
    return Arrives(value) if isinstance(value, float) else NO


def _single_fate(value: object) -> Fate:
    exact = _double_fate(value)
    if not isinstance(exact, Arrives) or not isinstance(exact.held, float):
        return exact
    rounded = ctypes.c_float(exact.held).value
    infinite = (float("inf"), float("-inf"))
    lost = (rounded == 0 and exact.held != 0) or (rounded in infinite and exact.held not in infinite)
    return NO if lost else Arrives(rounded)


def _ticks_fate(value: object) -> Fate:
    text = value.content.decode("utf-8", "replace") if isinstance(value, RawText) else ""
    blank = "[ \t\r\n]*"
    number = f"{blank}(?:-?[1-9][0-9]*|0){blank}"
    if not re.fullmatch(rf"{blank}\[(?:{blank}|{number}(?:,{number})*)\]{blank}", text):
        return NO
    ticks = [int(found) for found in re.findall(r"-?[0-9]+", text)]
    return Arrives(ticks) if all(INT8[0] <= tick <= INT8[1] for tick in ticks) else NO


def _text_fate(value: object, limit: int | None) -> Fate:
    if isinstance(value, int):
        digits = str(value)
        return NO if limit is not None and len(digits) > limit else Becomes("digits", digits, digits)
    if not isinstance(value, RawText):
        return NO
    held = value.content.decode("utf-8", "replace").replace("\0", "\ufffd")
    if limit is not None and len(held) > limit:
        return NO
    if held.encode() == value.content:
        return Arrives(held)
    found = value.content.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return Becomes("nul" if b"\0" in value.content else "utf-8", held, found)


ANYTHING = st.one_of(
    st.integers(*INT8),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=40),
    st.binary(max_size=40),
    st.binary(max_size=40).map(RawText),
    st.none(),
    # What nearly fits, of any type.
    st.sampled_from([cell.stored for cell in cells() if len(repr(cell.stored)) < 1000]),
)
COLUMNS = [column for table in load_model().tables for column in table.columns]
REFERENCES = {(key.table, key.column) for table in load_model().tables for key in table.foreign_keys}
FREE = [
    column
    for column in COLUMNS
    if column.key_position is None and not {(column.table, column.name)} & (UNIQUE | REFERENCES)
]
BOUND = [column for column in COLUMNS if column not in FREE]


def _store(library: Generated, column: Column, number: int, value: Stored | RawText) -> object:
    """Put a value into a row; returns what SQLite then holds."""
    with library.connect() as connection:
        mark, stored = ("CAST(? AS TEXT)", value.content) if isinstance(value, RawText) else ("?", value)
        if isinstance(stored, str):
            mark, stored = "CAST(? AS TEXT)", stored.encode("utf-8", "surrogatepass")
        name = f'"{column.name}"'
        what = f"typeof({name}), CASE WHEN typeof({name}) <> 'text' THEN {name} END, CAST({name} AS BLOB)"
        table = f'"{column.table}"'
        where = f"rowid = (SELECT rowid FROM {table} ORDER BY rowid LIMIT 1 OFFSET {number})"  # noqa: S608
        try:
            # The row may have another number afterwards.
            change = connection.execute(f"UPDATE {table} SET {name} = {mark} WHERE {where} RETURNING {what}", (stored,))  # noqa: S608
            kind, held, content = change.fetchone()
        except sqlite3.IntegrityError:
            # NULL, a number for a row that is none, a key that is taken: the row stays as it is.
            kind, held, content = connection.execute(f"SELECT {what} FROM {table} WHERE {where}").fetchone()  # noqa: S608
    connection.close()
    return RawText(content) if kind == "text" else held


@given(
    pool=POOLS,
    seed=st.integers(0, 1 << 30),
    odd=st.lists(st.tuples(st.sampled_from(FREE), st.integers(0, 3), ANYTHING), min_size=20, max_size=40),
)
@settings(RICH, max_examples=12)
def test_any_values_anywhere_arrive_or_are_listed_or_are_all_refused_by_name(
    pool: Pool,
    seed: int,
    odd: list[tuple[Column, int, Stored | RawText]],
    places: list[str],
    tmp_path: Path,
) -> None:
    library = _library(tmp_path / "jellyfin.db", pool, seed)
    fates: dict[tuple[str, int, str], Fate] = {}
    columns = {(column.table, column.name): column for column in FREE}
    for column, place, value in odd:
        number = place % len(library.held[column.table])
        fates[column.table, number, column.name] = _fate(column, _store(library, column, number, value))
    unfit = {where for where, fate in fates.items() if isinstance(fate, Refused)}
    if unfit:
        before = state(places[0])
        with pytest.raises(RefusedError) as refusal:
            migrate(library.path, places[0], options=REPLACE)
        assert refusal.value.exit_code == 1
        named = Counter(
            (found[1], found[2])
            for text in refusal.value.problems
            if (found := re.match(r"table (\w+), key \(.*?\), column (\w+): ", text))
        )
        assert named == Counter((table, name) for table, _, name in unfit)
        assert state(places[0]) == before
    for table, number, name in unfit:
        column = columns[table, name]
        stored, held = pool[column.pg_type][0]
        _store(library, column, number, stored)
        fates[table, number, name] = Arrives(held)
    result = migrate(library.path, places[0], options=REPLACE)
    wanted: list[tuple[object, ...]] = []
    for (table, number, name), fate in fates.items():
        assert not isinstance(fate, Refused)
        row = library.held[table][number]
        row[name] = fate.held
        if isinstance(fate, Becomes):
            parts = [row[part] for part in load_model().table(table).primary_key]
            key = [part if isinstance(part, int) else str(part) for part in parts]
            wanted.append((table, key, name, fate.rule, fate.found, fate.held))
    require_held(places[0], library.held)
    assert sorted((tuple(repair.values()) for repair in result.repairs), key=repr) == sorted(wanted, key=repr)


@given(
    pool=POOLS,
    seed=st.integers(0, 1 << 30),
    column=st.sampled_from(BOUND),
    value=ANYTHING,
)
@settings(RICH, max_examples=30)
def test_any_value_in_a_key_or_a_reference_arrives_or_nothing_does(
    pool: Pool, seed: int, column: Column, value: Stored | RawText, places: list[str], tmp_path: Path
) -> None:
    library = _library(tmp_path / "jellyfin.db", pool, seed)
    fate = _fate(column, _store(library, column, 0, value))
    before = state(places[0])
    refusal: UserError | None = None
    try:
        result = migrate(library.path, places[0], options=REPLACE)
    except UserError as error:
        refusal = error
    if refusal is not None:
        assert refusal.exit_code == 1
        referring = {table for table, _ in REFERENCES}
        assert any(f"table {table}" in str(refusal) for table in {column.table, *referring})
        assert state(places[0]) == before
        return
    assert not isinstance(fate, Refused)
    library.held[column.table][0][column.name] = fate.held
    require_held(places[0], library.held)
    assert len(result.repairs) == isinstance(fate, Becomes)
    assert isinstance(fate, Arrives) or column.key_position is None
