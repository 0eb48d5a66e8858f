"""One value at a time, in every type: it arrives exactly, or repaired and listed, or is refused by its name.

Each value has a table of its own on both sides, so that its neighbours do not choose its way for it; and a second
one, where a neighbour makes the whole table go value by value.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from jellyfin_ha.operations.migration import MigrationResult, Options, RefusedError, migrate
from tests.integration.conftest import ServerTemplate
from tests.integration.migration_cells import BLOB, Arrives, Becomes, Cell, RawText, Refused, cells
from tests.integration.migration_library import Held, Stored, make_library, read_rows, state
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration

ALONE, IN_COMPANY = "alone", "in company"


@dataclass(frozen=True)
class Case:
    """A cell in a table of its own."""

    number: int
    company: str
    cell: Cell

    @property
    def table(self) -> str:
        return f"Case{self.number}{'Company' * (self.company == IN_COMPANY)}"

    def __str__(self) -> str:
        text = repr(self.cell.stored)
        return f"{self.cell.kind} {self.cell.declared} {text if len(text) < 60 else text[:60]} {self.company}"


CASES = [Case(number, company, cell) for number, cell in enumerate(cells()) for company in (ALONE, IN_COMPANY)]
PASSING = [case for case in CASES if not isinstance(case.cell.fate, Refused)]
FAILING = [case for case in CASES if isinstance(case.cell.fate, Refused)]
NO_LONGER = [case for case in FAILING if "characters where the target holds" in str(case.cell.fate)]


def _make(path: Path, target: str, cases: Sequence[Case]) -> None:
    """An otherwise empty library with a table a case, and the same tables in the target."""
    make_library(path, rows=0)
    with sqlite3.connect(path) as source, psycopg.connect(target) as connection:
        for case in cases:
            source.execute(
                f'CREATE TABLE "{case.table}" ("Id" INTEGER PRIMARY KEY, "Value" {case.cell.declared}, "Other" TEXT)'
            )
            stored: Stored | RawText = case.cell.stored
            mark = "?"
            if isinstance(stored, RawText):
                stored, mark = stored.content, "CAST(? AS TEXT)"
            source.execute(f'INSERT INTO "{case.table}" VALUES (1, {mark}, NULL)', (stored,))  # noqa: S608
            if case.company == IN_COMPANY:
                source.execute(f'INSERT INTO "{case.table}" VALUES (2, NULL, ?)', (BLOB,))  # noqa: S608
            columns = f'"Id" integer PRIMARY KEY, "Value" {case.cell.kind}, "Other" uuid'
            connection.execute(f'CREATE TABLE "{case.table}" ({columns})'.encode())
    source.close()


@pytest.fixture(scope="module")
def fresh(postgres_server: PostgresServer, new_server: ServerTemplate) -> Iterator[str]:
    """The target of all cases that pass."""
    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        yield postgres_server.conninfo(name, user=new_server.role, password=new_server.password)


@pytest.fixture(scope="module")
def migrated(fresh: str, tmp_path_factory: pytest.TempPathFactory) -> MigrationResult:
    """All cases that pass, in one migration."""
    path = tmp_path_factory.mktemp("passing") / "jellyfin.db"
    _make(path, fresh, PASSING)
    return migrate(path, fresh)


@pytest.fixture(scope="module")
def problems(
    postgres_server: PostgresServer, new_server: ServerTemplate, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What the refusal of all cases that fail says, by table."""
    path = tmp_path_factory.mktemp("failing") / "jellyfin.db"
    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        target = postgres_server.conninfo(name, user=new_server.role, password=new_server.password)
        _make(path, target, FAILING)
        before = state(target)
        with pytest.raises(RefusedError) as refusal:
            migrate(path, target)
        assert refusal.value.exit_code == 1
        assert state(target) == before
    found: dict[str, list[str]] = {}
    for text in refusal.value.problems:
        found.setdefault(text.split(",")[0], []).append(text)
    return found


@pytest.mark.parametrize("case", PASSING, ids=str)
def test_a_value_arrives_exactly_or_is_listed(case: Case, migrated: MigrationResult, fresh: str) -> None:
    fate = case.cell.fate
    assert isinstance(fate, Arrives | Becomes)
    found = {row["Id"]: row for row in read_rows(fresh, case.table)}
    assert _same(found[1]["Value"], fate.held), found[1]["Value"]
    assert set(found) == ({1, 2} if case.company == IN_COMPANY else {1})
    listed = [repair for repair in migrated.repairs if repair["table"] == case.table]
    if isinstance(fate, Arrives):
        assert listed == []
    else:
        assert listed == [
            {
                "table": case.table,
                "key": [1],
                "column": "Value",
                "rule": fate.rule,
                "found": fate.found,
                "became": fate.held,
            }
        ]


@pytest.mark.parametrize("case", FAILING, ids=str)
def test_a_value_that_does_not_fit_is_named_with_the_reason(case: Case, problems: dict[str, list[str]]) -> None:
    assert isinstance(case.cell.fate, Refused)
    (text,) = problems[f"table {case.table}"]
    assert text.startswith(f"table {case.table}, key (1), column Value: {case.cell.fate.words}"), text
    assert "; found " in text


def test_nothing_else_is_refused_or_listed(migrated: MigrationResult, problems: dict[str, list[str]]) -> None:
    assert problems.keys() == {f"table {case.table}" for case in FAILING}
    listed = Counter(str(repair["table"]) for repair in migrated.repairs)
    assert listed == {case.table: 1 for case in PASSING if isinstance(case.cell.fate, Becomes)}


def test_every_time_that_loses_digits_is_counted_once(migrated: MigrationResult) -> None:
    losing = [case for case in PASSING if isinstance(case.cell.fate, Arrives) and case.cell.fate.loses_digits]
    assert migrated.cut_timestamps == len(losing) > 0


def test_the_report_holds_what_was_found_and_what_it_became(migrated: MigrationResult, fresh: str) -> None:
    with psycopg.connect(fresh) as connection:
        (kept,) = connection.execute("SELECT report -> 'repairs' FROM jellyfin_ha.migration").fetchone() or ([],)
    assert kept == [dict(repair) for repair in migrated.repairs]


def test_text_that_is_too_long_is_cut_and_listed_when_repairs_were_asked_for(target: str, tmp_path: Path) -> None:
    _make(tmp_path / "jellyfin.db", target, NO_LONGER)
    result = migrate(tmp_path / "jellyfin.db", target, options=Options(repair=True))
    assert len(result.repairs) == len(NO_LONGER) > 0
    for case, repair in zip(NO_LONGER, sorted(result.repairs, key=_number), strict=True):
        (held,) = [row["Value"] for row in read_rows(target, case.table) if row["Id"] == 1]
        assert (repair["rule"], repair["became"]) == ("cut", held)
        assert isinstance(held, str)
        assert len(held) == 8
        assert str(repair["found"]).startswith(held)


def test_null_is_refused_where_the_target_wants_a_value(target: str, tmp_path: Path) -> None:
    kinds = sorted({case.cell.kind for case in CASES})
    _make(
        tmp_path / "jellyfin.db",
        target,
        [Case(place, ALONE, Cell(k, None, Arrives(None))) for place, k in enumerate(kinds)],
    )
    with psycopg.connect(target) as connection:
        for place, _ in enumerate(kinds):
            connection.execute(f'ALTER TABLE "Case{place}" ALTER COLUMN "Value" SET NOT NULL'.encode())
    with pytest.raises(RefusedError) as refusal:
        migrate(tmp_path / "jellyfin.db", target)
    assert sorted(refusal.value.problems) == sorted(
        f"table Case{place}, key (1), column Value: NULL where the target wants a value; found None"
        for place, _ in enumerate(kinds)
    )


def _number(repair: object) -> tuple[int, bool]:
    assert isinstance(repair, dict)
    name = str(repair["table"]).removeprefix("Case")
    return int(name.removesuffix("Company")), name.endswith("Company")


def _same(one: Held, other: Held) -> bool:
    """Equal in type and sign too: 0.0 is not -0.0, and 1 is not True."""
    return type(one) is type(other) and repr(one) == repr(other)
