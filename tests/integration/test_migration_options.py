"""What a user may ask for beyond the plain migration: a trial, a repair, an overwritten target."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import Options, Outcome, RefusedError, check_source, in_use, migrate, read_record
from tests.integration.migration_library import Library, guid_of, make_library, read_rows, run, state
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
NOBODY = "0BADF00D-0000-0000-0000-000000000000"


def test_a_dry_run_verifies_everything_and_leaves_no_trace(library: Library, target: str) -> None:
    before = state(target)

    result = migrate(library.path, target, dry_run=True)

    assert state(target) == before
    assert read_record(target) is None
    assert result.outcome is Outcome.DRY_RUN
    assert result.rows == library.rows
    assert "rolled back" in result.summary()
    assert not migrate(library.path, target).already_migrated


def test_a_dry_run_refuses_what_a_migration_would_refuse(library: Library, target: str) -> None:
    library.execute(f"""UPDATE "Devices" SET "UserId" = '{NOBODY}' WHERE "Id" = 3""")  # noqa: S608
    with pytest.raises(RefusedError) as refusal:
        migrate(library.path, target, dry_run=True)
    assert len(refusal.value.problems) == 1


def test_replace_overwrites_a_library_that_is_in_use(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    run(target, """UPDATE "Users" SET "InvalidLoginAttemptCount" = 3""", "CREATE TABLE fork_settings (id integer)")
    other = make_library(tmp_path / "other.db", rows=3)

    result = migrate(other.path, target, options=Options(replace=True))

    assert result.outcome is Outcome.MIGRATED
    assert len(read_rows(target, "Users")) == 3
    record = read_record(target)
    assert record is not None
    assert record.source_fingerprint == check_source(other.path)


def test_replace_that_fails_keeps_the_library_that_was_there(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    other = make_library(tmp_path / "other.db", rows=3)
    other.execute("""UPDATE "ActivityLogs" SET "UserId" = 'nobody'""")
    before = state(target)
    with pytest.raises(RefusedError):
        migrate(other.path, target, options=Options(replace=True))
    assert state(target) == before


def test_repair_cuts_text_that_is_too_long_and_keeps_it_in_the_report(library: Library, target: str) -> None:
    long = "x" * 40
    library.execute(f"""UPDATE "Users" SET "CastReceiverId" = '{long}' WHERE "Username" LIKE '%-1'""")  # noqa: S608

    with pytest.raises(UserError, match="40 characters where the target holds 32"):
        migrate(library.path, target)
    result = migrate(library.path, target, options=Options(repair=True))

    (repair,) = result.repairs
    assert repair == {
        "table": "Users",
        "key": [str(guid_of("Users", 1))],
        "column": "CastReceiverId",
        "rule": "cut",
        "found": long,
        "became": long[:32],
    }
    held = {row["Id"]: row["CastReceiverId"] for row in read_rows(target, "Users")}
    assert held[guid_of("Users", 1)] == long[:32]
    assert "1 repaired by the rule 'cut'" in result.summary()


def test_the_page_tells_how_to_read_the_report_that_the_target_keeps(library: Library, target: str) -> None:
    library.execute("""UPDATE "Users" SET "CastReceiverId" = 'far too long for the place that it has'""")
    result = migrate(library.path, target, options=Options(repair=True))
    repairs, whole = re.findall(r'"(SELECT .*?)"$', (ROOT / "docs" / "migration.md").read_text(), flags=re.MULTILINE)

    with psycopg.connect(target) as connection:
        ((told,),) = connection.execute(whole).fetchall()
        listed = [repair for (repair,) in connection.execute(repairs)]

    assert {key: value for key, value in json.loads(told).items() if key not in ("started_at", "finished_at")} == {
        "source_fingerprint": result.record.source_fingerprint,
        "versions": result.record.versions,
        "rows": result.rows,
        "report": result.record.report,
    }
    assert listed == list(result.repairs) != []


def test_what_no_repair_mends_is_refused_without_the_advice_to_repair(library: Library, target: str) -> None:
    library.execute("""UPDATE "MediaStreamInfos" SET "Height" = 'tall' WHERE rowid = 5""")
    words: dict[bool, str] = {}
    for repair in (False, True):
        with pytest.raises(RefusedError, match="not a whole number; found 'tall'") as refusal:
            migrate(library.path, target, options=Options(repair=repair))
        words[repair] = str(refusal.value)
        assert "in a copy of jellyfin.db (with the sqlite3 shell) and migrate the copy" in words[repair]
    assert "with --repair it cuts" in words[False]
    assert "--repair" not in words[True]
    assert "The migration repairs nothing of this kind." in words[True]


def test_repair_clears_references_that_lead_nowhere_and_leaves_out_rows_that_must_have_one(
    library: Library, target: str
) -> None:
    item = str(guid_of("BaseItems", 3)).upper()
    library.execute(
        f"""UPDATE "Devices" SET "UserId" = '{NOBODY}' WHERE "Id" = 3""",  # noqa: S608
        f"""UPDATE "BaseItems" SET "ParentId" = '{NOBODY}' WHERE rowid = 4""",  # noqa: S608
        # What hangs on a row that is left out is left out too.
        f"""UPDATE "DisplayPreferences" SET "UserId" = '{NOBODY}' WHERE "Id" = 5""",  # noqa: S608
    )

    result = migrate(library.path, target, options=Options(repair=True))

    found = {(str(repair["table"]), str(repair["key"]), repair["column"], repair["rule"]) for repair in result.repairs}
    assert found == {
        ("Devices", "[3]", None, "left out"),
        ("BaseItems", f"['{item.lower()}']", "ParentId", "cleared"),
        ("DisplayPreferences", "[5]", None, "left out"),
        ("HomeSection", "[5]", None, "left out"),
    }
    left_out = next(repair for repair in result.repairs if repair["table"] == "Devices")
    assert NOBODY.lower() in str(left_out["found"])
    assert '"AccessToken"' in str(left_out["found"]), "the whole row, so that nothing is lost without a word"
    assert result.rows == library.rows - 3
    assert result.rows_by_table["Devices"] == 12
    parents = {row["Id"]: row["ParentId"] for row in read_rows(target, "BaseItems")}
    assert parents[guid_of("BaseItems", 3)] is None


def test_a_file_damaged_beyond_single_values_is_refused_whole(library: Library, target: str) -> None:
    library.execute(
        """INSERT INTO "DeviceOptions" ("DeviceId", "CustomName")
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
           SELECT 'many-' || i, 'a' || char(0) FROM n"""
    )
    before = state(target)
    with pytest.raises(UserError, match="more than 10000 values of the source would have to be repaired"):
        migrate(library.path, target)
    assert state(target) == before


def test_moving_the_write_ahead_log_into_the_file_does_not_change_the_fingerprint(
    library: Library, target: str
) -> None:
    writer = sqlite3.connect(library.path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("""INSERT INTO "DeviceOptions" ("Id", "DeviceId") VALUES (77, 'from the log')""")
    writer.commit()
    assert library.path.with_name("jellyfin.db-wal").stat().st_size > 0
    migrate(library.path, target)

    writer.close()

    assert not library.path.with_name("jellyfin.db-wal").exists()
    assert migrate(library.path, target).already_migrated


HOLD_OPEN = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode = WAL")
connection.execute('SELECT count(*) FROM "Users"').fetchone()
print("open", flush=True)
sys.stdin.read()
"""


def test_a_server_that_has_the_source_open_is_noticed_before_it_writes(library: Library, target: str) -> None:
    before = state(target)
    arguments = [sys.executable, "-c", HOLD_OPEN, str(library.path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"open\n"
        with pytest.raises(UserError, match=f"found it open in process {server.pid}: a server still runs on it"):
            migrate(library.path, target)
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(10) == 0
    assert state(target) == before
    assert not migrate(library.path, target).already_migrated


def test_a_link_to_the_source_leads_to_its_write_ahead_log_too(library: Library, target: str, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(library.path)
    writer = sqlite3.connect(library.path)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("""INSERT INTO "DeviceOptions" ("Id", "DeviceId") VALUES (77, 'from the log')""")
        writer.commit()
        assert check_source(link) == check_source(library.path)

        migrate(link, target)
    finally:
        writer.close()
    assert "from the log" in [row["DeviceId"] for row in read_rows(target, "DeviceOptions")]


def test_a_server_is_noticed_from_another_role_too(
    library: Library, target: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_use, "LOCK_SECONDS", 1)
    administrator = postgres_server.conninfo(str(conninfo_to_dict(target)["dbname"]))
    with (
        psycopg.connect(target, application_name="jellyfin", autocommit=True),
        pytest.raises(UserError, match=r"other sessions .*jellyfin from 127\.0\.0\.1"),
    ):
        migrate(library.path, administrator)


def test_a_record_of_a_library_that_is_gone_is_not_taken_for_the_library(library: Library, target: str) -> None:
    migrate(library.path, target)
    run(target, 'TRUNCATE "BaseItems", "Users" CASCADE')
    with pytest.raises(UserError, match="but its BaseItems are gone"):
        migrate(library.path, target)
    assert migrate(library.path, target, options=Options(replace=True)).outcome is Outcome.MIGRATED
    assert migrate(library.path, target).already_migrated
