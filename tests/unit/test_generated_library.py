"""A generated jellyfin.db: as a real server's in form, whole, spread as measured, and the same each time."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from struct import pack, unpack

import pytest
from typer.testing import CliRunner

from jellyfin_ha.cli import app
from jellyfin_ha.lab.library import MINIMUM_ITEMS, SAMPLE_USERS, write_sample_database
from jellyfin_ha.lab.library.generated import write
from jellyfin_ha.lab.mediaserver.passwords import matches
from jellyfin_ha.lab.mediaserver.schema import PLACEHOLDER_ID, load_model
from jellyfin_ha.lab.mediaserver.schema.identifiers import item_id
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import check_source

ITEMS = 1_000
COLUMNS = [column for table in load_model().tables for column in table.columns]
# Rows for each item, as measured in the set of 100,000 items that the migration's benchmarks use.
MEASURED = {
    "MediaStreamInfos": 2.21,
    "PeopleBaseItemMap": 4.00,
    "KeyframeData": 0.191,
    "ActivityLogs": 0.06,
}
ROWS_AN_ITEM = 22.0
BYTES_AN_ITEM = 10_800
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,6}[1-9])?")
GUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "jellyfin.db"
    write_sample_database(path, ITEMS)
    return path


@pytest.fixture(scope="module")
def database(path: Path) -> Iterator[sqlite3.Connection]:
    # Immutable: SQLite may not make a -wal beside the file, as on a read-only volume.
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    yield connection
    connection.close()


def values(database: sqlite3.Connection, table: str, column: str) -> list[str]:
    query = f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'  # noqa: S608
    return [value for (value,) in database.execute(query)]


def test_the_same_items_and_seed_give_the_same_file(path: Path, tmp_path: Path) -> None:
    write_sample_database(tmp_path / "again.db", ITEMS)
    assert (tmp_path / "again.db").read_bytes() == path.read_bytes()


def test_another_seed_gives_another_library(database: sqlite3.Connection, tmp_path: Path) -> None:
    write_sample_database(tmp_path / "other.db", ITEMS, 2)
    with sqlite3.connect(tmp_path / "other.db") as other:
        shared = set(values(other, "BaseItems", "Path")) & set(values(database, "BaseItems", "Path"))
    assert len(shared) < ITEMS / 2


def test_every_reference_leads_somewhere(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not set(values(database, "BaseItems", "TopParentId")) - set(values(database, "BaseItems", "Id"))


def test_it_has_all_tables_and_indexes_of_the_schema(database: sqlite3.Connection) -> None:
    model = load_model()
    query = "SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite%'"
    assert {name for (name,) in database.execute(query, ("index",))} == {index.name for index in model.indexes}
    assert {name for (name,) in database.execute(query, ("table",))} == {
        "__EFMigrationsHistory",
        *(table.name for table in model.tables),
    }


def test_every_column_holds_something(database: sqlite3.Connection) -> None:
    empty = [f"{c.table}.{c.name}" for c in COLUMNS if not values(database, c.table, c.name)]
    assert empty == []


@pytest.mark.parametrize("seed", range(3))
def test_even_the_smallest_fills_every_table(seed: int, tmp_path: Path) -> None:
    counts = write_sample_database(tmp_path / "jellyfin.db", MINIMUM_ITEMS, seed)
    assert len(counts) == 30
    assert [table for table, count in counts.items() if not count] == []


def test_values_are_stored_as_the_schema_says(database: sqlite3.Connection) -> None:
    for column in COLUMNS:
        query = f'SELECT DISTINCT typeof("{column.name}") FROM "{column.table}"'  # noqa: S608
        stored = {kind for (kind,) in database.execute(query)} - ({"null"} if column.nullable else set())
        assert stored == {column.sqlite_type.lower()}, f"{column.table}.{column.name}"


def test_values_have_the_forms_a_server_writes(database: sqlite3.Connection) -> None:
    for column in COLUMNS:
        for value in values(database, column.table, column.name):
            assert has_form(value, column.pg_type), f"{column.table}.{column.name}: {value!r}"


def has_form(value: str | float, pg_type: str) -> bool:
    match pg_type:
        case "uuid":
            return bool(GUID.fullmatch(str(value)))
        case "timestamp with time zone":
            return bool(DATE.fullmatch(str(value)))
        case "boolean":
            return value in (0, 1)
        case "real":
            return unpack("<f", pack("<f", value))[0] == value
        case "integer":
            return -(2**31) <= int(value) < 2**31
        case _:
            limit = re.fullmatch(r"character varying\((\d+)\)", pg_type)
            return limit is None or len(str(value)) <= int(limit[1])


def test_dates_are_exact_to_100_nanoseconds_or_unknown(database: sqlite3.Connection) -> None:
    refreshed = values(database, "BaseItems", "DateLastRefreshed")
    assert "0001-01-01 00:00:00" in refreshed
    assert sum(len(date.rpartition(".")[2]) == 7 for date in refreshed) > ITEMS / 2
    assert any(len(date) < 27 for date in values(database, "BaseItems", "DateModified"))


def test_names_are_written_in_many_alphabets(database: sqlite3.Connection) -> None:
    names = "".join(values(database, "BaseItems", "Name"))
    assert all(letter in names for letter in "éЗ夜ß")


def test_numbers_of_deleted_rows_are_missing(database: sqlite3.Connection) -> None:
    counters: dict[str, int] = dict(database.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    assert set(counters) == {column.table for column in COLUMNS if column.identity}
    for table in ("ActivityLogs", "Devices"):
        numbers = [int(number) for number in values(database, table, "Id")]
        assert len(numbers) < max(numbers) < counters[table]


def test_items_have_the_ids_that_servers_compute(database: sqlite3.Connection) -> None:
    rows = database.execute('SELECT "Id", "Type", "Path" FROM "BaseItems" WHERE "Path" IS NOT NULL').fetchall()
    assert len(rows) > 0.95 * ITEMS
    for identity, kind, path in rows:
        # What is found by its name has an id that does not tell upper from lower case.
        named = path.startswith("%MetadataPath%/")
        full = path.replace("%MetadataPath%", "/config/metadata").lower() if named else path
        assert str(item_id(kind, full)).upper() == identity


def test_it_is_as_large_as_asked_for(path: Path, database: sqlite3.Connection) -> None:
    (items,) = database.execute('SELECT count(*) FROM "BaseItems"').fetchone()
    assert items == ITEMS
    assert path.stat().st_size == pytest.approx(BYTES_AN_ITEM * ITEMS, rel=0.1)


def test_the_rows_are_spread_as_measured(database: sqlite3.Connection) -> None:
    counts = {
        table.name: database.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0]  # noqa: S608
        for table in load_model().tables
    }
    assert sum(counts.values()) == pytest.approx(ROWS_AN_ITEM * ITEMS, rel=0.1)
    for table, share in MEASURED.items():
        assert counts[table] == pytest.approx(share * ITEMS, rel=0.15), table


def test_there_are_films_shows_and_music(database: sqlite3.Connection) -> None:
    kinds = Counter(kind.rpartition(".")[2] for (kind,) in database.execute('SELECT "Type" FROM "BaseItems"'))
    assert kinds["Episode"] > kinds["Audio"] > kinds["Movie"] > kinds["Season"] > kinds["Series"] > 0
    assert {"MusicAlbum", "MusicArtist", "BoxSet", "Genre", "Trailer", "LiveTvProgram"} <= set(kinds)


def test_key_frames_are_a_thousand_irregular_ticks_inside_the_file(database: sqlite3.Connection) -> None:
    query = 'SELECT k."KeyframeTicks", b."RunTimeTicks" FROM "KeyframeData" k JOIN "BaseItems" b ON b."Id" = k."ItemId"'
    for text, duration in database.execute(query):
        ticks: list[int] = json.loads(text)
        assert len(ticks) == 1000
        assert ticks == sorted(set(ticks))
        assert 0.7 * duration < ticks[-1] < duration
        assert len({later - earlier for earlier, later in pairwise(ticks)}) > 30


def test_what_was_watched_of_deleted_items_is_kept(database: sqlite3.Connection) -> None:
    query = 'SELECT count(*) FROM "UserData" WHERE "ItemId" = ? AND "RetentionDate" IS NOT NULL'
    assert database.execute(query, (str(PLACEHOLDER_ID).upper(),)).fetchone()[0] > 0


def test_the_samples_users_can_log_in_and_have_a_history(database: sqlite3.Connection) -> None:
    query = 'SELECT "Password", "Id" FROM "Users" WHERE "Username" = ?'
    for user in SAMPLE_USERS:
        password, identity = database.execute(query, (user.name,)).fetchone()
        assert matches(password, user.password)
        watched = 'SELECT count(*) FROM "UserData" WHERE "UserId" = ? AND "PlaybackPositionTicks" > 0'
        assert database.execute(watched, (identity,)).fetchone()[0] > 0


def test_the_migration_takes_it_for_a_servers_file(path: Path) -> None:
    assert check_source(path).startswith("sha256:")


def test_it_is_left_in_wal_mode_with_nothing_beside_it(path: Path) -> None:
    # Bytes 18 and 19 of the header: 2 is WAL.
    assert path.read_bytes()[18:20] == b"\2\2"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_progress_grows_to_the_end(tmp_path: Path) -> None:
    told: list[float] = []

    def progress(message: str, fraction: float | None = None, /) -> None:
        assert message
        told.append(-1.0 if fraction is None else fraction)

    write_sample_database(tmp_path / "jellyfin.db", ITEMS, progress=progress)
    assert told == sorted(told)
    assert 0 <= told[0] < 0.3 < 0.9 < told[-1] < 1


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jellyfin.db"
    path.write_text("mine")
    with pytest.raises(UserError, match="not to exist") as refusal:
        write_sample_database(path, MINIMUM_ITEMS)
    assert refusal.value.exit_code == 2
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


def test_too_few_items_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 100 items, found 99") as refusal:
        write_sample_database(tmp_path / "jellyfin.db", MINIMUM_ITEMS - 1)
    assert refusal.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_bad_use(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make it first") as refusal:
        write_sample_database(tmp_path / "nowhere" / "jellyfin.db", MINIMUM_ITEMS)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("failure", "seen"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (sqlite3.OperationalError("disk is full"), UserError)],
)
def test_nothing_half_made_stays(
    failure: BaseException, seen: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> list[str]:
        raise failure

    # The rows are in the file by then.
    monkeypatch.setattr(write, "sqlite_indexes", fail)
    with pytest.raises(seen):
        write_sample_database(tmp_path / "jellyfin.db", MINIMUM_ITEMS)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_file_and_says_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "jellyfin.db"
    done = CliRunner().invoke(app, ["lab", "sample-db", str(path), "--items", "100", "--seed", "7"])
    assert done.exit_code == 0, done.output
    assert "rows in 30 tables" in done.output
    write_sample_database(tmp_path / "same.db", 100, 7)
    assert path.read_bytes() == (tmp_path / "same.db").read_bytes()
