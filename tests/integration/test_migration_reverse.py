"""The way back: what PostgreSQL holds, in a new jellyfin.db, as the old server stored it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from jellyfin_ha.lab.mediaserver.schema import load_model
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import RefusedError, migrate
from jellyfin_ha.operations.migration.reverse import reverse, schema
from tests.integration.mediaserver_processes import sample_library
from tests.integration.migration_library import Library, read_rows, run

pytestmark = pytest.mark.integration


def _content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a file, in no order; times without their 7th digit, lists without spaces."""
    model = load_model()
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found: dict[str, list[tuple[object, ...]]] = {}
    for table in model.tables:
        rows = connection.execute(
            f'SELECT {", ".join(f"""{chr(34)}{c.name}{chr(34)}""" for c in table.columns)} FROM "{table.name}"'  # noqa: S608
        )
        kinds = [column.pg_type for column in table.columns]
        found[table.name] = sorted(
            (tuple(_cut(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in rows), key=repr
        )
    connection.close()
    return found


def _cut(value: object, kind: str) -> object:
    if isinstance(value, str) and kind.startswith("timestamp") and "." in value:
        return value[:26].rstrip("0").rstrip(".")
    if isinstance(value, str) and kind == "bigint[]":
        return json.dumps(json.loads(value))
    return value


def test_the_sample_comes_back_as_it_was(target: str, tmp_path: Path) -> None:
    sample = sample_library()
    migrate(sample.database, target)

    result = reverse(target, tmp_path / "jellyfin.db", sample.database)

    assert _content(tmp_path / "jellyfin.db") == _content(sample.database)
    assert result.rows == sum(len(rows) for rows in _content(sample.database).values()) > 100
    assert result.differences == ()
    assert [path.name for path in tmp_path.iterdir()] == ["jellyfin.db"]


def test_a_file_that_came_back_migrates_to_the_same_content(
    library: Library, target: str, second_target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    reverse(target, tmp_path / "back.db", library.path)

    migrate(tmp_path / "back.db", second_target)

    for table in load_model().tables:
        key = {"key": lambda row, names=table.primary_key: tuple(str(row[name]) for name in names)}
        assert sorted(read_rows(second_target, table.name), **key) == sorted(read_rows(target, table.name), **key)


def test_schema_histories_and_numbering_are_those_of_a_server(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    run(
        target,
        """INSERT INTO "DeviceOptions" ("DeviceId") VALUES ('later'), ('gone')""",
        """DELETE FROM "DeviceOptions" WHERE "DeviceId" = 'gone'""",
    )
    reverse(target, tmp_path / "back.db", library.path)

    def described(path: Path) -> list[list[tuple[object, ...]]]:
        connection = sqlite3.connect(path)
        queries = ("SELECT type, name, sql FROM sqlite_master ORDER BY 2", 'SELECT * FROM "__EFMigrationsHistory"')
        found = [connection.execute(query).fetchall() for query in queries]
        found.append(connection.execute("PRAGMA integrity_check").fetchall())
        connection.close()
        return found

    assert described(tmp_path / "back.db") == described(library.path)
    with sqlite3.connect(tmp_path / "back.db") as connection:
        following = connection.execute("""INSERT INTO "DeviceOptions" ("DeviceId") VALUES ('next') RETURNING "Id" """)
        assert following.fetchone() == (16,), "13 rows, one more, and one that is gone"
    connection.close()


def test_a_file_with_a_write_ahead_log_comes_back_with_one(library: Library, target: str, tmp_path: Path) -> None:
    library.execute("PRAGMA journal_mode = wal")
    migrate(library.path, target)
    reverse(target, tmp_path / "back.db", library.path)
    connection = sqlite3.connect(tmp_path / "back.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_the_infinities_that_servers_write_come_back_as_their_dates(
    library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    run(target, """UPDATE "ApiKeys" SET "DateCreated" = '-infinity', "DateLastActivity" = 'infinity'""")
    reverse(target, tmp_path / "back.db", library.path)
    connection = sqlite3.connect(tmp_path / "back.db")
    dates = set(connection.execute('SELECT "DateCreated", "DateLastActivity" FROM "ApiKeys"'))
    connection.close()
    assert dates == {("0001-01-01 00:00:00", "9999-12-31 23:59:59.9999999")}


def test_a_file_that_is_there_is_never_overwritten(library: Library, target: str) -> None:
    before = library.path.read_bytes()
    with pytest.raises(UserError, match="expected no file") as refusal:
        reverse(target, library.path, library.path)
    assert refusal.value.exit_code == 2
    assert library.path.read_bytes() == before


def test_a_dry_run_leaves_no_file(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    (tmp_path / "new").mkdir()
    result = reverse(target, tmp_path / "new" / "back.db", library.path, dry_run=True)
    assert result.path is None
    assert "removed the file again" in result.summary()
    assert list((tmp_path / "new").iterdir()) == []


def test_data_that_the_new_file_has_no_place_for_is_refused_and_nothing_is_left(
    library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    run(
        target,
        'ALTER TABLE "Users" ADD COLUMN "Mood" text',
        """UPDATE "Users" SET "Mood" = 'good'""",
        "CREATE TABLE fork_settings (id integer)",
    )
    (tmp_path / "new").mkdir()
    with pytest.raises(UserError, match=r"column Users\.Mood: only in PostgreSQL, and it has data"):
        reverse(target, tmp_path / "new" / "back.db", library.path)
    assert list((tmp_path / "new").iterdir()) == []
    run(target, 'UPDATE "Users" SET "Mood" = NULL')
    assert reverse(target, tmp_path / "new" / "back.db", library.path).differences == (
        "column Users.Mood: only in PostgreSQL",
        "table fork_settings: no table of the server in SQLite, left out with 0 rows",
    )


def test_a_value_that_sqlite_would_change_is_noticed(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    like = tmp_path / "like.db"
    like.write_bytes(library.path.read_bytes())
    connection = sqlite3.connect(like)
    connection.execute('CREATE TABLE "Numbers" ("Id" INTEGER PRIMARY KEY, "Digits" INTEGER)')
    connection.commit()
    connection.close()
    run(
        target,
        'CREATE TABLE "Numbers" ("Id" integer PRIMARY KEY, "Digits" text)',
        """INSERT INTO "Numbers" VALUES (1, '007')""",
    )
    with pytest.raises(
        UserError, match=r"table Numbers, key \(1\), column Digits: the new file has 7, PostgreSQL '007'"
    ):
        reverse(target, tmp_path / "back.db", like)
    assert not (tmp_path / "back.db").exists()


UNFIT = {
    """UPDATE "ApiKeys" SET "DateCreated" = '10000-01-01 00:00:00+00' WHERE "Id" = 3""": (
        "table ApiKeys, key (3), column DateCreated: not a moment of the years 1 to 9999; found 10000-01-01 00:00:00+00"
    ),
    """UPDATE "ApiKeys" SET "DateLastActivity" = '0001-12-31 23:59:59+00 BC' WHERE "Id" = 3""": (
        "column DateLastActivity: not a moment of the years 1 to 9999; found 0001-12-31 23:59:59+00 BC"
    ),
    # A column that takes no NULL, which is what SQLite makes of it.
    """UPDATE "AccessSchedules" SET "EndHour" = 'NaN' WHERE "Id" = 4""": (
        "table AccessSchedules, key (4), column EndHour: a number that SQLite does not have; found NaN"
    ),
    """UPDATE "MediaStreamInfos" SET "AverageFrameRate" = 'NaN'
        WHERE ctid = (SELECT min(ctid) FROM "MediaStreamInfos")""": (
        "column AverageFrameRate: a number that SQLite does not have; found NaN"
    ),
}


def test_values_that_no_file_of_a_server_holds_are_named_at_once_and_nothing_is_written(
    library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    run(target, *UNFIT)
    (tmp_path / "new").mkdir()
    for dry_run in (True, False):
        with pytest.raises(RefusedError, match="PostgreSQL holds what a file of SQLite cannot") as refusal:
            reverse(target, tmp_path / "new" / "back.db", library.path, dry_run=dry_run)
        for expected in UNFIT.values():
            assert expected in str(refusal.value)
        assert len(refusal.value.problems) == len(UNFIT)
        assert list((tmp_path / "new").iterdir()) == []


def test_the_first_and_the_last_moment_of_those_years_come_back(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    first, last = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
    run(target, f"""UPDATE "ApiKeys" SET "DateCreated" = '{first}+00', "DateLastActivity" = '{last}+00'""")  # noqa: S608
    reverse(target, tmp_path / "back.db", library.path)
    connection = sqlite3.connect(tmp_path / "back.db")
    assert set(connection.execute('SELECT "DateCreated", "DateLastActivity" FROM "ApiKeys"')) == {(first, last)}
    connection.close()


def test_a_zero_loses_its_sign_as_it_does_whenever_sqlite_stores_it(
    library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    run(
        target,
        """UPDATE "AccessSchedules" SET "EndHour" = '-0'""",
        """UPDATE "MediaStreamInfos" SET "AverageFrameRate" = '-0'""",
    )
    reverse(target, tmp_path / "back.db", library.path)
    connection = sqlite3.connect(tmp_path / "back.db")
    held = {str(value) for (value,) in connection.execute('SELECT "EndHour" FROM "AccessSchedules"')}
    held |= {str(value) for (value,) in connection.execute('SELECT "AverageFrameRate" FROM "MediaStreamInfos"')}
    connection.close()
    assert held == {"0.0"}


def test_rows_that_one_side_alone_has_are_told_by_the_names_of_this_way(
    library: Library, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(library.path, target)

    def with_trigger(template: sqlite3.Connection, new: sqlite3.Connection) -> None:
        schema.make_tables(template, new)
        new.execute(
            """CREATE TRIGGER swallow BEFORE INSERT ON "ApiKeys" WHEN NEW."Id" = 3
               BEGIN SELECT RAISE(IGNORE); END"""
        )

    monkeypatch.setattr("jellyfin_ha.operations.migration.reverse.run.make_tables", with_trigger)
    with pytest.raises(UserError, match=r"table ApiKeys: PostgreSQL has the row \(3\) where the new file has nothing"):
        reverse(target, tmp_path / "back.db", library.path)


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_what_sqlite_would_play_into_the_new_file_is_refused(
    suffix: str, library: Library, target: str, tmp_path: Path
) -> None:
    old = tmp_path / f"back.db{suffix}"
    old.write_bytes(b"of an older file of that name")
    with pytest.raises(UserError, match=f"expected no file at .*back.db{suffix}, found one") as refusal:
        reverse(target, tmp_path / "back.db", library.path)
    assert refusal.value.exit_code == 2
    assert old.read_bytes() == b"of an older file of that name"


def test_two_ways_back_into_one_file_are_kept_apart(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    (tmp_path / "new").mkdir()
    refused: list[str] = []

    def start_another(message: str, fraction: float | None = None, /) -> None:
        if message == "writing Users":
            with pytest.raises(UserError, match="another way back is writing") as refusal:
                reverse(target, tmp_path / "new" / "back.db", library.path)
            refused.append(str(refusal.value))

    reverse(target, tmp_path / "new" / "back.db", library.path, progress=start_another)
    assert len(refused) == 1
    reverse(target, tmp_path / "alone.db", library.path)
    assert _content(tmp_path / "new" / "back.db") == _content(tmp_path / "alone.db")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["back.db"]
