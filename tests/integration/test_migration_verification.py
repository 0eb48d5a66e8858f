"""The verification finds whatever is another than in the source, and owes the conversion nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from jellyfin_ha.lab.mediaserver.schema import Column, load_model
from jellyfin_ha.operations.migration import RefusedError, convert, migrate, normal, quick
from jellyfin_ha.operations.migration.convert import Converter, SourceValue, Tally, TargetValue
from jellyfin_ha.operations.migration.plan import NOT_COPIED, SourceSchema, TablePlan, make_plan
from jellyfin_ha.operations.migration.problems import Problems
from jellyfin_ha.operations.migration.repairs import Repair, Repairs, Rule
from jellyfin_ha.operations.migration.session import Connection, connect
from jellyfin_ha.operations.migration.source import careful_text, open_source, read_tables
from jellyfin_ha.operations.migration.target import TargetColumn
from jellyfin_ha.operations.migration.target import read_tables as read_target_tables
from jellyfin_ha.operations.migration.verify import Verification
from tests.integration.conftest import ServerTemplate
from tests.integration.migration_library import make_library, read_rows, run, state
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration

COLUMNS = [column for table in load_model().tables for column in table.columns]
# What no row of the library holds.
OTHERS: Mapping[str, str] = {
    "uuid": "'0badf00d-0000-0000-0000-000000000000'",
    "timestamp with time zone": "'2001-02-03 04:05:06.000007+00'",
    "boolean": 'NOT coalesce("{c}", false)',
    "integer": "123456789",
    "bigint": "123456789",
    "real": "0.30000001",
    "double precision": "0.30000000000000004",
    "bytea": "'\\x01'",
    "bigint[]": "'{1,2,4}'",
}
FIRST, LAST = "the first row", "the last row"


@dataclass(frozen=True)
class Copied:
    """A library, its copy in one open transaction, and how they were paired."""

    source: sqlite3.Connection
    connection: Connection
    plans: Mapping[str, TablePlan]

    def differences(self, table: str, repairs: Repairs | None = None) -> list[str]:
        """What the verification says of a table."""
        problems = Problems()
        with careful_text(self.source):
            Verification(self.source, self.connection, repairs or Repairs(), problems).verify(
                self.plans[table], lambda rows: None
            )
        return list(problems.error("", "").problems)

    def key(self, table: str, place: str, column: str = "ctid") -> tuple[str, str]:
        """The place of the first or last row (that has a value in a column), and its key as it is told."""
        names = ", ".join(f'"{name}"' for name in load_model().table(table).primary_key)
        query = f"""SELECT ctid::text, concat_ws(', ', {names}) FROM "public"."{table}" WHERE "{column}" IS NOT NULL
                     ORDER BY ctid {"DESC" if place == LAST else "ASC"} LIMIT 1"""  # noqa: S608
        found = self.connection.execute(query.encode()).fetchone()
        assert found is not None
        return str(found[0]), str(found[1])

    def execute(self, statement: str, *arguments: object) -> None:
        done = self.connection.execute(statement.encode(), arguments)
        assert done.rowcount > 0


@pytest.fixture(scope="module")
def copied(
    postgres_server: PostgresServer, new_server: ServerTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copied]:
    """A migrated library; what a test changes in it must be rolled back."""
    path = tmp_path_factory.mktemp("copied") / "jellyfin.db"
    make_library(path)
    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        migrate(path, postgres_server.conninfo(name, user=new_server.role, password=new_server.password))
        # A superuser, who may break references.
        with open_source(path) as source, connect(postgres_server.conninfo(name)) as connection:
            connection.execute("SET session_replication_role = replica")
            normal.prepare(source)
            tables = {table: names for table, names in read_tables(source).items() if table not in NOT_COPIED}
            schema = SourceSchema(tables, dict.fromkeys(tables, 13), has_data=lambda table, column: True)
            plan = make_plan(schema, read_target_tables(connection), Tally())
            yield Copied(source, connection, {table.name: table for table in plan.tables})
            connection.rollback()


def _change(copied: Copied, column: Column, place: str, value: str) -> str:
    where, key = copied.key(column.table, place)
    copied.execute(f'UPDATE "public"."{column.table}" SET "{column.name}" = {value} WHERE ctid = %s::tid', where)  # noqa: S608
    return key


def _other(column: Column) -> str:
    return OTHERS.get(column.pg_type, "'changed'").replace("{c}", column.name)


def test_an_untouched_copy_has_no_differences(copied: Copied) -> None:
    assert len(copied.plans) == 30
    assert len(COLUMNS) == 309
    assert [copied.differences(table) for table in copied.plans] == [[]] * 30


@pytest.mark.parametrize("place", [FIRST, LAST])
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: f"{column.table}.{column.name}")
def test_a_changed_value_is_named_with_table_key_and_column(column: Column, place: str, copied: Copied) -> None:
    """A changed row lies behind all others then: the last one still pairs as it lies, the first only by its key."""
    with copied.connection.transaction(force_rollback=True):
        key = _change(copied, column, place, _other(column))
        found = copied.differences(column.table)
        if column.key_position is None:
            (text,) = found
            assert text.startswith(f"table {column.table}, key ({key}), column {column.name}: the source has ")
        else:
            assert f"table {column.table}: the source has the row ({key}) where the target has nothing" in found
            extra = [text for text in found if "where the source has nothing" in text]
            assert len(extra) == 1
            assert len(found) == 2


NULLABLE_TEXT = [
    column for column in COLUMNS if column.nullable and column.pg_type.startswith(("text", "character varying"))
]


@pytest.mark.parametrize("column", NULLABLE_TEXT, ids=lambda column: f"{column.table}.{column.name}")
def test_null_and_empty_text_are_told_apart(column: Column, copied: Copied) -> None:
    with copied.connection.transaction(force_rollback=True):
        rows = f'UPDATE "public"."{column.table}" SET "{column.name}" = '  # noqa: S608
        copied.execute(f"""{rows} CASE WHEN "{column.name}" = '' THEN NULL ELSE '' END WHERE "{column.name}" IS NULL""")
        found = copied.differences(column.table)
        assert found
        assert all("the source has None, the target ''" in text for text in found)


@pytest.mark.parametrize("place", [FIRST, LAST])
@pytest.mark.parametrize("table", [table.name for table in load_model().tables])
def test_a_row_that_is_gone_is_named(table: str, place: str, copied: Copied) -> None:
    with copied.connection.transaction(force_rollback=True):
        where, key = copied.key(table, place)
        copied.execute(f'DELETE FROM "public"."{table}" WHERE ctid = %s::tid', where)  # noqa: S608
        assert copied.differences(table) == [
            f"table {table}: the source has the row ({key}) where the target has nothing"
        ]


@pytest.mark.parametrize("table", [table.name for table in load_model().tables])
def test_a_row_too_many_is_named(table: str, copied: Copied) -> None:
    with copied.connection.transaction(force_rollback=True):
        changed = {
            column.name: _other(column)
            for column in load_model().table(table).columns
            if column.key_position or not column.nullable
        }
        names = ", ".join(f'"{name}"' for name in changed)
        where, _ = copied.key(table, FIRST)
        copied.execute(
            f'INSERT INTO "public"."{table}" ({names}) SELECT {", ".join(changed.values())} FROM "public"."{table}"'  # noqa: S608
            " WHERE ctid = %s::tid",
            where,
        )
        (text,) = copied.differences(table)
        assert text.startswith(f"table {table}: the target has the row (")
        assert text.endswith(") where the source has nothing")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("ActivityLogs", "Name"),
        ("ApiKeys", "DateCreated"),
        ("BaseItems", "Overview"),
        ("BaseItemImageInfos", "Blurhash"),
        ("KeyframeData", "KeyframeTicks"),
        ("MediaStreamInfos", "BitRate"),
        ("UserData", "Rating"),
        ("Users", "RowVersion"),
    ],
)
def test_two_rows_that_swapped_a_value_are_both_named(table: str, column: str, copied: Copied) -> None:
    with copied.connection.transaction(force_rollback=True):
        copied.execute(
            f"""WITH two AS (
                    SELECT a.ctid AS one, b.ctid AS other, a."{column}" AS here, b."{column}" AS there
                      FROM "public"."{table}" AS a, "public"."{table}" AS b
                     WHERE a."{column}" IS DISTINCT FROM b."{column}" ORDER BY 1, 2 LIMIT 1)
                UPDATE "public"."{table}" AS row SET "{column}" = CASE row.ctid WHEN one THEN there ELSE here END
                  FROM two WHERE row.ctid IN (one, other)"""  # noqa: S608
        )
        found = copied.differences(table)
        assert len(found) == 2
        assert all(f", column {column}: " in text for text in found)


SLIGHTLY = {
    "a space at the end": ("ActivityLogs", "Type", """"Type" || ' '"""),
    "another case": ("ApiKeys", "Name", """upper("Name")"""),
    "a decomposed letter": ("Peoples", "Name", """normalize("Name", NFD)"""),
    "a microsecond": ("Devices", "DateCreated", """"DateCreated" - interval '1 microsecond'"""),
    "a tick": ("Chapters", "StartPositionTicks", '"StartPositionTicks" # 1'),
    "the last bit of a number": (
        "AccessSchedules",
        "EndHour",
        'CASE WHEN abs("EndHour") < 1 THEN "EndHour" * (1 + 2.220446049250313e-16::float8) ELSE "EndHour" END',
    ),
    "the order of a list": (
        "KeyframeData",
        "KeyframeTicks",
        'ARRAY(SELECT t FROM unnest("KeyframeTicks") AS t ORDER BY t DESC)',
    ),
    "a byte": ("BaseItemImageInfos", "Blurhash", """"Blurhash" || '\\x00'"""),
    "no list for an empty one": ("KeyframeData", "KeyframeTicks", """nullif("KeyframeTicks", '{}')"""),
    "infinity": ("ActivityLogs", "DateCreated", "'infinity'"),
    "no number": ("AccessSchedules", "EndHour", "'NaN'"),
}


@pytest.mark.parametrize("how", SLIGHTLY)
def test_the_slightest_change_is_found(how: str, copied: Copied) -> None:
    table, column, value = SLIGHTLY[how]
    with copied.connection.transaction(force_rollback=True):
        copied.execute(f'UPDATE "public"."{table}" SET "{column}" = {value}')  # noqa: S608
        found = copied.differences(table)
        assert found
        assert all(f", column {column}: " in text for text in found)


def test_a_difference_passes_only_with_the_very_value_that_is_listed(copied: Copied) -> None:
    column = next(column for column in COLUMNS if (column.table, column.name) == ("ApiKeys", "Name"))
    with copied.connection.transaction(force_rollback=True):
        key = int(_change(copied, column, LAST, "'changed'"))
        for listed, passes in (("changed", True), ("changed ", False), (None, False)):
            repairs = Repairs()
            repairs.add(Repair("ApiKeys", (key,), "Name", Rule.CUT, "", listed))
            assert (copied.differences("ApiKeys", repairs) == []) is passes
        for table, place, name in (("Devices", key, "Name"), ("ApiKeys", key - 1, "Name"), ("ApiKeys", key, "Id")):
            repairs = Repairs()
            repairs.add(Repair(table, (place,), name, Rule.CUT, "", "changed"))
            assert copied.differences("ApiKeys", repairs) != []


def test_a_row_may_be_missing_only_when_it_is_listed_as_left_out(copied: Copied) -> None:
    with copied.connection.transaction(force_rollback=True):
        where, key = copied.key("ApiKeys", FIRST)
        copied.execute('DELETE FROM "public"."ApiKeys" WHERE ctid = %s::tid', where)
        for rule, passes in ((Rule.LEFT_OUT, True), (Rule.CLEARED, False)):
            repairs = Repairs()
            repairs.add(Repair("ApiKeys", (int(key),), None, rule, "{}", None))
            assert (copied.differences("ApiKeys", repairs) == []) is passes


# Broken on purpose: the copy would be another, and only the verification stands in between.

PLAIN: Mapping[str, tuple[str, SourceValue]] = {
    "uuid": ("TEXT", "0F8FAD5B-D9CB-469F-A165-70867728950E"),
    "timestamp with time zone": ("TEXT", "2026-03-01 12:34:56.1234567"),
    "boolean": ("INTEGER", 0),
    "smallint": ("INTEGER", 7),
    "integer": ("INTEGER", 7),
    "bigint": ("INTEGER", 7),
    "real": ("REAL", 0.1),
    "double precision": ("REAL", 0.1),
    "text": ("TEXT", "plain"),
    "character varying(9)": ("TEXT", "plain"),
    "character varying": ("TEXT", "plain"),
    "bytea": ("BLOB", b"plain"),
    "bigint[]": ("TEXT", "[1,2,3]"),
}
BROKEN_FORMS: Mapping[str, str] = {
    "uuid": "replace({c}, '0', '1')",
    "timestamp with time zone": "substr({c}, 1, 25)",
    "boolean": "1 - {c}",
    "real": "plain_single({c} + 0.001)",
    "double precision": "{c} + 1e-16",
    "bytea": "substr({c}, 2)",
    "bigint[]": "plain_ticks(replace({c}, '2', '4'))",
    "text": "{c} || ' '",
    "character varying(9)": "upper({c})",
    "character varying": "substr({c}, 2)",
}
OTHER_WAY = bytes.fromhex("5bad8f0fcbd99f46a16570867728950e")


def _one_row(
    path: Path,
    target: str,
    kind: str,
    other: SourceValue,
    *,
    value: SourceValue = None,
    declared: str | None = None,
) -> None:
    """A library with a row of one value; a GUID as bytes beside it makes the table go value by value."""
    usual, plain = PLAIN[kind]
    declared, value = usual if declared is None else declared, plain if value is None else value
    make_library(path, rows=0)
    with sqlite3.connect(path) as connection:
        connection.execute(f'CREATE TABLE "One" ("Id" INTEGER PRIMARY KEY, "Value" {declared}, "Other" TEXT)')
        connection.execute('INSERT INTO "One" VALUES (1, ?, ?)', (value, other))
    connection.close()
    run(target, f'CREATE TABLE "One" ("Id" integer PRIMARY KEY, "Value" {kind}, "Other" uuid)')


def _found_out(path: Path, target: str) -> None:
    before = state(target)
    with pytest.raises(RefusedError, match="the copy differs from the source") as refusal:
        migrate(path, target)
    assert "table One, key (1), column Value: the source has " in "\n".join(refusal.value.problems)
    assert state(target) == before


@pytest.mark.parametrize("kind", PLAIN)
def test_a_quick_form_that_is_wrong_is_found_out(
    kind: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _one_row(tmp_path / "jellyfin.db", target, kind, None)
    original = quick.plain

    def broken(column_type: str, *, binary: bool = False) -> quick.Plain | None:
        found = original(column_type, binary=binary)
        if found is None or column_type != kind:
            return found
        form = BROKEN_FORMS.get(kind, "CASE {c} WHEN 7 THEN 8 ELSE {c} END")
        return quick.Plain(found.sent_as, form, found.condition)

    monkeypatch.setattr("jellyfin_ha.operations.migration.plan.plain", broken)
    _found_out(tmp_path / "jellyfin.db", target)


BROKEN_BINARY_FORMS: Mapping[str, str] = {
    "uuid": "binary_uuid(replace({c}, '0', '1'))",
    "bigint": "CASE {c} WHEN 7 THEN 8 ELSE {c} END",
    "bigint[]": "binary_ticks(replace({c}, '2', '4'))",
}


@pytest.mark.parametrize("kind", BROKEN_BINARY_FORMS)
def test_a_binary_form_that_is_wrong_is_found_out(
    kind: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared, value = PLAIN[kind]
    path = tmp_path / "jellyfin.db"
    make_library(path, rows=0)
    with sqlite3.connect(path) as connection:
        connection.execute(f'CREATE TABLE "One" ("Id" INTEGER PRIMARY KEY, "Value" {declared}, "List" TEXT)')
        connection.execute('INSERT INTO "One" VALUES (1, ?, NULL)', (value,))
    connection.close()
    run(target, f'CREATE TABLE "One" ("Id" bigint PRIMARY KEY, "Value" {kind}, "List" bigint[])')
    original = quick.plain
    asked: list[bool] = []

    def broken(column_type: str, *, binary: bool = False) -> quick.Plain | None:
        found = original(column_type, binary=binary)
        if found is None or column_type != kind or not binary:
            return found
        asked.append(binary)
        # The key, which is a bigint too, stays as it is.
        return quick.Plain(found.sent_as, BROKEN_BINARY_FORMS[kind], found.condition)

    monkeypatch.setattr("jellyfin_ha.operations.migration.plan.plain", broken)
    _found_out(path, target)
    assert asked


FLOATS = ["real", "double precision"]


@pytest.mark.parametrize("other", [None, OTHER_WAY], ids=["quick", "careful"])
@pytest.mark.parametrize("kind", FLOATS)
def test_a_zero_that_got_a_sign_is_found_out(kind: str, other: SourceValue, target: str, tmp_path: Path) -> None:
    _one_row(tmp_path / "jellyfin.db", target, kind, other, value=0.0)
    run(
        target,
        """CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN NEW."Value" := '-0'; RETURN NEW; END $$""",
        'CREATE TRIGGER meddle BEFORE INSERT ON "One" FOR EACH ROW EXECUTE FUNCTION meddle()',
    )
    with pytest.raises(RefusedError, match="the copy differs from the source") as refusal:
        migrate(tmp_path / "jellyfin.db", target)
    (text,) = refusal.value.problems
    assert text == "table One, key (1), column Value: the source has 0.0, the target -0.0"


@pytest.mark.parametrize("other", [None, OTHER_WAY], ids=["quick", "careful"])
@pytest.mark.parametrize("kind", FLOATS)
def test_a_zero_keeps_its_sign(kind: str, other: SourceValue, target: str, tmp_path: Path) -> None:
    """A column that SQLite was told a type of stores no sign, and one of a plugin may have none."""
    _one_row(tmp_path / "jellyfin.db", target, kind, other, value=-0.0, declared="")
    migrate(tmp_path / "jellyfin.db", target)
    (row,) = read_rows(target, "One")
    assert str(row["Value"]) == "-0.0"


@pytest.mark.parametrize("value", ["1.5", "1e400", 9007199254740993], ids=["text", "a large number in text", "whole"])
@pytest.mark.parametrize("kind", FLOATS)
def test_what_is_no_such_number_is_told_rather_than_taken_for_one(kind: str, value: SourceValue) -> None:
    connection = sqlite3.connect(":memory:")
    normal.prepare(connection)
    form = normal.source_form(TargetColumn("Value", kind, True, False, 0, None), "?1")
    (found,) = connection.execute(f"SELECT {form}", (value,)).fetchone()
    assert found == value or (kind == "real" and isinstance(value, int))
    connection.close()


def _wrong(value: TargetValue) -> TargetValue:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        # A GUID, a time and a text stay such.
        return value[:-1] + "x" if value == "plain" else value.replace("5", "4")
    if isinstance(value, bytes):
        return value + b"\0"
    if isinstance(value, list):
        return value[::-1]
    return value if value is None else value + 1


@pytest.mark.parametrize("kind", PLAIN)
def test_a_rule_that_is_wrong_is_found_out(
    kind: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _one_row(tmp_path / "jellyfin.db", target, kind, OTHER_WAY)
    original: Callable[..., Converter | None] = convert.converter

    def broken(column_type: str, **options: object) -> Converter | None:
        rule = original(column_type, **options)
        if rule is None or column_type != kind:
            return rule

        def convert_wrongly(value: SourceValue) -> TargetValue:
            right = rule(value)
            assert not isinstance(right, convert.Repaired)
            return right if value == 1 else _wrong(right)

        return convert_wrongly

    monkeypatch.setattr("jellyfin_ha.operations.migration.plan.converter", broken)
    _found_out(tmp_path / "jellyfin.db", target)


def test_the_verification_knows_nothing_of_the_conversion(copied: Copied, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the conversion was asked")

    for name in ("converter", "_rule", "_uuid", "_timestamp", "_boolean", "_real", "_double", "_text", "_bigints"):
        monkeypatch.setattr(convert, name, fail)
    for name in ("plain", "expression", "_ticks", "_single"):
        monkeypatch.setattr(quick, name, fail)
    assert [copied.differences(table) for table in copied.plans] == [[]] * 30
