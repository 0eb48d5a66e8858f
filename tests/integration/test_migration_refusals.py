"""What the migration refuses, in which words, and that the target is then as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import Options, in_use, migrate, read_record
from jellyfin_ha.operations.migration import run as run_module
from jellyfin_ha.operations.migration import session as session_module
from tests.integration.migration_library import Library, guid_of, make_library, run, state
from tests.integration.processes import PostgresServer, free_port

pytestmark = pytest.mark.integration

SOMEBODYS_DATA = {
    "Devices: 1 rows": """
        INSERT INTO "Devices" ("AccessToken", "AppName", "AppVersion", "DateCreated", "DateLastActivity",
            "DateModified", "DeviceId", "DeviceName", "IsActive", "UserId")
        SELECT 't', 'a', '1', now(), now(), now(), 'd', 'n', true, "Id" FROM "Users" LIMIT 1""",
    "ApiKeys: 1 rows": """
        INSERT INTO "ApiKeys" ("AccessToken", "DateCreated", "DateLastActivity", "Name")
        VALUES ('t', now(), now(), 'n')""",
    "UserData: 1 rows": """
        INSERT INTO "UserData" ("ItemId", "UserId", "CustomDataKey", "IsFavorite", "PlayCount",
            "PlaybackPositionTicks", "Played")
        SELECT '00000000-0000-0000-0000-000000000001', "Id", 'k', true, 0, 0, false FROM "Users" LIMIT 1""",
    "BaseItems: 1 items that are no folders": """
        INSERT INTO "BaseItems" ("Id", "Type", "IsFolder", "IsInMixedFolder", "IsLocked", "IsMovie", "IsRepeat",
            "IsSeries", "IsVirtualItem")
        VALUES (gen_random_uuid(), 'Movie', false, false, false, true, false, false, false)""",
    "Users: 2, a new server has 1": """
        INSERT INTO "Users" SELECT (jsonb_populate_record(u, jsonb_build_object('Id', gen_random_uuid(),
            'Username', 'second', 'NormalizedUsername', 'SECOND'))).* FROM "Users" AS u""",
    "Users: one with a password": """UPDATE "Users" SET "Password" = '$PBKDF2-SHA512$iterations=210000$00$00'""",
}


def _refused(library: Library | Path, target: str, *, exit_code: int = 1) -> str:
    """The words of the refusal; fails when the target is not as before."""
    before = state(target)
    with pytest.raises(UserError) as refusal:
        migrate(library.path if isinstance(library, Library) else library, target)
    assert refusal.value.exit_code == exit_code
    assert state(target) == before
    return str(refusal.value)


@pytest.mark.parametrize("found", SOMEBODYS_DATA)
def test_a_target_with_somebodys_data_is_refused(found: str, library: Library, target: str) -> None:
    run(target, SOMEBODYS_DATA[found])
    assert found in _refused(library, target)


def test_a_target_with_another_library_is_refused(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    other = make_library(tmp_path / "other.db", rows=3)
    words = _refused(other, target)
    assert "already holds another library" in words


def test_an_older_source_is_refused_with_the_version_to_upgrade_to(target: str, tmp_path: Path) -> None:
    older = make_library(tmp_path / "jellyfin.db", code_migrations=("20250420000000_CreateNetworkConfiguration",))
    words = _refused(older, target)
    assert "Upgrade the source server to 10.11.11 first" in words
    assert "never ran on it" in words


def test_a_code_migration_that_this_tool_does_not_know_counts_too(library: Library, target: str) -> None:
    run(target, """INSERT INTO "__EFMigrationsHistory" VALUES ('20991231000000_FixTheFuture', '13.0.0.0')""")
    assert "20991231000000_FixTheFuture" in _refused(library, target)


def test_a_target_whose_server_never_finished_its_first_start_is_refused(library: Library, target: str) -> None:
    run(target, """DELETE FROM "__EFMigrationsHistory" WHERE "ProductVersion" LIKE '10.11%'""")
    assert "never finished its first start" in _refused(library, target)


def test_a_database_without_a_server_schema_is_refused(library: Library, postgres: str) -> None:
    words = _refused(library, postgres)
    assert "has no table BaseItems, Users, __EFMigrationsHistory" in words
    assert "Start the server image on it once" in words


UNFIT = {
    """UPDATE "Users" SET "CastReceiverId" = printf('%.40c', 'x') WHERE "Username" LIKE '%-1'""": (
        "column CastReceiverId: 40 characters where the target holds 32"
    ),
    """UPDATE "MediaStreamInfos" SET "BitRate" = 3000000000 WHERE rowid = 4""": (
        "column BitRate: not in -2147483648..2147483647; found 3000000000"
    ),
    """UPDATE "MediaStreamInfos" SET "Height" = 'tall' WHERE rowid = 5""": (
        "column Height: not a whole number; found 'tall'"
    ),
    """UPDATE "ActivityLogs" SET "UserId" = 'nobody' WHERE "Id" = 6""": (
        "table ActivityLogs, key (6), column UserId: not a GUID; found 'nobody'"
    ),
    """UPDATE "ApiKeys" SET "DateCreated" = '2026-02-30 00:00:00' WHERE "Id" = 7""": (
        "table ApiKeys, key (7), column DateCreated: not a moment of the years 1 to 9999"
    ),
    """UPDATE "KeyframeData" SET "KeyframeTicks" = '[1, 2.5]' WHERE rowid = 1""": (
        "column KeyframeTicks: a JSON array with something else than whole numbers; found '[1, 2.5]'"
    ),
}


def test_everything_that_does_not_fit_is_named_at_once(library: Library, target: str) -> None:
    library.execute(*UNFIT)
    words = _refused(library, target)
    for expected in UNFIT.values():
        assert expected in words
    assert "nothing was changed" in words


def test_rows_that_refer_to_nothing_are_named(library: Library, target: str) -> None:
    nobody = "0BADF00D-0000-0000-0000-000000000000"
    item = str(guid_of("BaseItems", 3))
    library.execute(
        f"""UPDATE "Devices" SET "UserId" = '{nobody}' WHERE "Id" = 3""",  # noqa: S608
        f"""UPDATE "BaseItems" SET "ParentId" = '{nobody}' WHERE rowid = 4""",  # noqa: S608
    )
    words = _refused(library, target)
    missing = nobody.lower()
    assert f"table Devices, key (3), column UserId: refers to {missing}, which Users does not have" in words
    assert f"table BaseItems, key ({item}), column ParentId: refers to {missing}" in words


def test_many_broken_rows_are_counted_and_the_first_are_shown(library: Library, target: str) -> None:
    library.execute("""UPDATE "Devices" SET "UserId" = '0BADF00D-0000-0000-0000-000000000000'""")
    words = _refused(library, target)
    assert words.count("table Devices") == 5
    assert "and 8 more" in words


def test_two_rows_that_become_one_are_refused(library: Library, target: str) -> None:
    library.execute(
        """INSERT INTO "Peoples" ("Id", "Name") SELECT replace(lower("Id"), '-', ''), 'twin' FROM "Peoples"
           WHERE length("Id") = 36 AND "Id" = upper("Id") LIMIT 1"""
    )
    words = _refused(library, target)
    assert "refuses a row of table Peoples" in words
    assert "is duplicated" in words


def test_data_that_the_target_has_no_place_for_is_refused(library: Library, target: str) -> None:
    library.execute(
        'ALTER TABLE "BaseItems" ADD COLUMN "OriginalLanguage" TEXT',
        """UPDATE "BaseItems" SET "OriginalLanguage" = 'pl' WHERE rowid = 1""",
        'ALTER TABLE "BaseItems" ADD COLUMN "NeverUsed" TEXT',
        'CREATE TABLE "LinkedChildren" ("ParentId" TEXT)',
        """INSERT INTO "LinkedChildren" VALUES ('x')""",
    )
    words = _refused(library, target)
    assert "column BaseItems.OriginalLanguage: only in the source, and it has data" in words
    assert "table LinkedChildren: only in the source, 1 rows" in words
    assert "NeverUsed" not in words


def test_what_only_one_side_has_and_nobody_loses_is_named(library: Library, target: str) -> None:
    library.execute('ALTER TABLE "BaseItems" ADD COLUMN "NeverUsed" TEXT', "ANALYZE")
    run(target, 'ALTER TABLE "Users" ADD COLUMN "Extra" text', "CREATE TABLE fork_settings (id integer)")
    assert migrate(library.path, target).differences == (
        "column BaseItems.NeverUsed: only in the source",
        "column Users.Extra: only in the target, left to its default",
        "table fork_settings: only in the target, left as it is",
    )


def test_a_target_column_that_wants_a_value_nobody_has_is_refused(library: Library, target: str) -> None:
    run(target, 'ALTER TABLE "MediaStreamInfos" ADD COLUMN "IsOriginal" boolean NOT NULL')
    words = _refused(library, target)
    assert "column MediaStreamInfos.IsOriginal: only in the target, which wants a value" in words


def test_a_copy_that_came_out_different_is_rolled_back(library: Library, target: str) -> None:
    run(
        target,
        """CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN NEW."PlayCount" := 1; RETURN NEW; END $$""",
        'CREATE TRIGGER meddle BEFORE INSERT ON "UserData" FOR EACH ROW EXECUTE FUNCTION meddle()',
    )
    words = _refused(library, target)
    assert "differs from the source and was rolled back" in words
    assert "column PlayCount: the source has 2147483647, the target 1" in words


def test_a_row_that_never_arrived_is_noticed(library: Library, target: str) -> None:
    run(
        target,
        """CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN IF NEW."Id" = 13 THEN RETURN NULL; END IF; RETURN NEW; END $$""",
        'CREATE TRIGGER swallow BEFORE INSERT ON "ActivityLogs" FOR EACH ROW EXECUTE FUNCTION swallow()',
    )
    words = _refused(library, target)
    assert "table ActivityLogs: the source has the row (13) where the target has nothing" in words


def test_a_source_that_is_written_to_meanwhile_is_refused(library: Library, target: str) -> None:
    before = state(target)

    def write(message: str, fraction: float | None = None, /) -> None:
        if message.startswith("verifying Users"):
            library.execute("""UPDATE "Users" SET "InvalidLoginAttemptCount" = 9""")

    with pytest.raises(UserError, match="was written to while it was being copied"):
        migrate(library.path, target, progress=write)
    assert state(target) == before


def test_a_server_that_still_runs_on_the_target_is_noticed(
    library: Library, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_use, "LOCK_SECONDS", 1)
    with psycopg.connect(target, application_name="jellyfin", autocommit=True):
        with pytest.raises(UserError, match="Stop every server that runs on the target") as refusal:
            migrate(library.path, target)
        assert "found 1 other sessions of its role (jellyfin from 127.0.0.1)" in str(refusal.value)


def test_a_lock_that_somebody_else_holds_is_told(
    library: Library, target: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "LOCK_SECONDS", 1)
    dbname = psycopg.conninfo.conninfo_to_dict(target)["dbname"]
    with psycopg.connect(postgres_server.conninfo(str(dbname))) as administrator:
        administrator.execute('SELECT * FROM "Users"').fetchall()
        with pytest.raises(UserError, match="a table of the target was in use"):
            migrate(library.path, target)


INTERESTS = (
    'CREATE TABLE fork_interests (item uuid REFERENCES "BaseItems" ("Id"), "user" uuid REFERENCES "Users" ("Id"))',
    """INSERT INTO fork_interests (item) SELECT "Id" FROM "BaseItems" LIMIT 2""",
)
ALSO_EMPTIED = "--replace would also empty fork_interests (2 rows, refers to BaseItems and Users)."


def test_a_table_of_the_target_alone_that_refers_to_others_is_emptied_only_with_replace(
    library: Library, target: str
) -> None:
    run(target, *INTERESTS)
    words = _refused(library, target)
    assert "fork_interests: 2 rows" in words
    assert words.endswith(f"overwrite this one with --replace. {ALSO_EMPTIED}")
    for dry_run in (True, False):
        result = migrate(library.path, target, options=Options(replace=True), dry_run=dry_run)
        lost = "table fork_interests: only in the target, emptied of 2 rows, since it refers to BaseItems and Users"
        assert result.differences == (lost,)
        assert lost in result.summary()
        assert result.report()["differences"] == [lost]


def test_what_replacing_another_library_would_empty_is_told_before(
    library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    assert "would also empty" not in _refused(make_library(tmp_path / "other.db", rows=3), target)
    run(target, *INTERESTS)
    words = _refused(make_library(tmp_path / "another.db", rows=3), target)
    assert words.endswith(f"overwrite the target's library with --replace. {ALSO_EMPTIED}")


def test_an_empty_table_of_the_target_alone_that_refers_to_others_stays_so(library: Library, target: str) -> None:
    run(target, INTERESTS[0])
    assert migrate(library.path, target).differences == (
        "table fork_interests: only in the target, empty, and refers to BaseItems and Users",
    )


def test_two_migrations_at_once_are_kept_apart(library: Library, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "LOCK_SECONDS", 1)
    refused: list[str] = []

    def start_another(message: str, fraction: float | None = None, /) -> None:
        if message == "committing":
            with pytest.raises(UserError) as refusal:
                migrate(library.path, target)
            refused.append(str(refusal.value))

    migrate(library.path, target, progress=start_another)
    assert ["another migration into this target is running" in words for words in refused] == [True]


def test_a_role_that_does_not_own_the_tables_is_refused(
    library: Library, target: str, postgres_server: PostgresServer
) -> None:
    dbname = psycopg.conninfo.conninfo_to_dict(target)["dbname"]
    with postgres_server.role() as (name, password):
        stranger = postgres_server.conninfo(str(dbname), user=name, password=password)
        with pytest.raises(UserError, match="Connect as the owner"):
            migrate(library.path, stranger)
        assert read_record(stranger) is None


def test_a_target_that_does_not_answer_is_told(library: Library) -> None:
    with pytest.raises(UserError, match="cannot connect to the PostgreSQL target") as refusal:
        migrate(library.path, f"postgresql://u:hidden@127.0.0.1:{free_port()}/x")
    assert refusal.value.exit_code == 1
    assert "hidden" not in str(refusal.value)


def test_a_malformed_target_is_bad_use(library: Library) -> None:
    with pytest.raises(UserError, match="is not a connection string") as refusal:
        migrate(library.path, "nonsense without meaning")
    assert refusal.value.exit_code == 2


def test_a_damaged_source_is_bad_input(library: Library, target: str) -> None:
    with sqlite3.connect(library.path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'Chapters'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with library.path.open("r+b") as content:
        content.seek((page - 1) * size)
        content.write(b"\xff" * size)
    assert "SQLite cannot read" in _refused(library, target, exit_code=2)
