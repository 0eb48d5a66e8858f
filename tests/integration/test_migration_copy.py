"""A library arrives in PostgreSQL whole, and the server can go on from there."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from jellyfin_ha.lab.mediaserver.schema import load_model
from jellyfin_ha.operations.migration import check_source, migrate, read_record
from tests.integration.migration_library import (
    CUT,
    ROWS,
    Library,
    make_library,
    read_rows,
    run,
    state,
)

pytestmark = pytest.mark.integration


def test_every_value_of_every_table_arrives(library: Library, target: str) -> None:
    result = migrate(library.path, target)

    assert sum(len(table.columns) for table in load_model().tables) == 309
    for table in load_model().tables:
        key = table.primary_key
        found = {tuple(row[name] for name in key): row for row in read_rows(target, table.name)}
        assert len(found) == len(library.held[table.name]) == ROWS
        for row in library.held[table.name]:
            assert found[tuple(row[name] for name in key)] == row, table.name
    assert result.rows == library.rows
    assert dict(result.rows_by_table) == {name: len(rows) for name, rows in library.held.items()}
    assert result.differences == ()


def test_a_lost_seventh_digit_is_counted(library: Library, target: str) -> None:
    result = migrate(library.path, target)

    lost = sum(value in CUT for rows in library.held.values() for row in rows for value in row.values())
    assert result.cut_timestamps == lost > 0
    assert f"{lost} timestamps lost the 7th digit of a second" in result.summary()


def test_the_target_role_is_no_superuser(library: Library, target: str) -> None:
    with psycopg.connect(target) as connection:
        found = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert found == (False,)
    assert not migrate(library.path, target).already_migrated


def test_the_next_rows_get_keys_past_the_highest_ever_given(library: Library, target: str) -> None:
    library.execute('INSERT INTO "DeviceOptions" ("Id", "DeviceId") VALUES (500, \'gone\')')
    library.execute('DELETE FROM "DeviceOptions" WHERE "Id" = 500')
    migrate(library.path, target)

    identities = [(t.name, c.name) for t in load_model().tables for c in t.columns if c.identity]
    assert len(identities) == 12
    with psycopg.connect(target) as connection:
        for table, column in identities:
            nextval = sql.SQL("SELECT nextval(pg_get_serial_sequence({}, {})), (SELECT max({}) FROM {})").format(
                sql.Literal(f'"{table}"'), sql.Literal(column), sql.Identifier(column), sql.Identifier(table)
            )
            following, highest = connection.execute(nextval).fetchone() or (0, 0)
            assert following == (501 if table == "DeviceOptions" else highest + 1), table


def test_keys_indexes_and_migration_history_stay_the_targets_own(library: Library, target: str) -> None:
    before = state(target)
    migrate(library.path, target)
    after = state(target)

    for what in ("constraints", "indexes", "__EFMigrationsHistory"):
        assert after[what] == before[what]


def test_a_second_run_does_nothing_and_says_so(library: Library, target: str) -> None:
    first = migrate(library.path, target)
    run(target, """UPDATE "Users" SET "InvalidLoginAttemptCount" = 3""", """DELETE FROM "UserData" """)
    before = state(target)

    second = migrate(library.path, target)

    assert second.already_migrated
    assert second.record == first.record
    assert "Nothing to do" in second.summary()
    assert state(target) == before


def test_the_target_remembers_what_was_done(library: Library, target: str) -> None:
    assert read_record(target) is None
    result = migrate(library.path, target)

    record = read_record(target)

    assert record == result.record
    assert record is not None
    assert record.state == "done"
    assert record.source_fingerprint == check_source(library.path)
    assert record.rows == library.rows
    assert record.versions["source"] == record.versions["target"] == "10.11.11"
    assert record.started_at <= record.finished_at


def test_the_source_is_left_as_it_was(library: Library, target: str) -> None:
    before = {path.name: path.read_bytes() for path in library.path.parent.iterdir()}
    migrate(library.path, target)
    assert {path.name: path.read_bytes() for path in library.path.parent.iterdir()} == before


def test_rows_that_only_the_write_ahead_log_holds_arrive(library: Library, target: str) -> None:
    writer = sqlite3.connect(library.path)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("""INSERT INTO "DeviceOptions" ("Id", "DeviceId") VALUES (77, 'from the log')""")
        writer.commit()
        log = library.path.with_name("jellyfin.db-wal")
        assert log.stat().st_size > 0
        marks = check_source(library.path), log.read_bytes()

        migrate(library.path, target)

        assert (check_source(library.path), log.read_bytes()) == marks
    finally:
        writer.close()
    assert "from the log" in [row["DeviceId"] for row in read_rows(target, "DeviceOptions")]


def test_settings_of_the_role_change_no_value(library: Library, target: str) -> None:
    run(
        target,
        "ALTER ROLE CURRENT_USER SET TimeZone = 'America/New_York'",
        "ALTER ROLE CURRENT_USER SET DateStyle = 'German'",
        "ALTER ROLE CURRENT_USER SET statement_timeout = '1ms'",
        "ALTER ROLE CURRENT_USER SET extra_float_digits = -10",
        "ALTER ROLE CURRENT_USER SET bytea_output = 'escape'",
    )
    try:
        migrate(library.path, target)
    finally:
        with psycopg.connect(target, options="-c statement_timeout=0") as connection:
            connection.execute("ALTER ROLE CURRENT_USER RESET ALL")
    wanted = {row["DateCreated"] for row in library.held["Devices"]}
    assert {row["DateCreated"] for row in read_rows(target, "Devices")} == wanted


def test_progress_grows_and_names_every_table(library: Library, target: str) -> None:
    told: list[tuple[str, float | None]] = []

    def listen(message: str, fraction: float | None = None, /) -> None:
        told.append((message, fraction))

    migrate(library.path, target, progress=listen)

    fractions = [fraction for _, fraction in told if fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    messages = {message.split(",")[0] for message, _ in told}
    for table in library.held:
        assert {f"copying {table}", f"verifying {table}"} <= messages


def test_a_normalized_user_name_that_the_source_lacks_is_derived(library: Library, target: str) -> None:
    library.execute(
        'DROP INDEX "IX_Users_NormalizedUsername"',
        'ALTER TABLE "Users" DROP COLUMN "NormalizedUsername"',
        """UPDATE "Users" SET "Username" = 'straße' WHERE "Id" = (SELECT max("Id") FROM "Users")""",
        """DELETE FROM "__EFMigrationsHistory" WHERE "MigrationId" LIKE '%UniqueNormalizedUsername%'""",
    )

    result = migrate(library.path, target)

    assert ("straße", "STRAßE") in [(row["Username"], row["NormalizedUsername"]) for row in read_rows(target, "Users")]
    assert result.differences == ("column Users.NormalizedUsername: only in the target, derived from Username",)


def test_an_empty_library_is_migrated_too(tmp_path: Path, target: str) -> None:
    library = make_library(tmp_path / "jellyfin.db", rows=0)
    assert migrate(library.path, target).rows == 0
    assert read_rows(target, "Users") == []
