"""A full disk on either side: nothing is lost or half there, and the words say whose disk it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jellyfin_ha.cli import main
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import migrate, read_record
from jellyfin_ha.operations.migration.reverse import reverse
from jellyfin_ha.operations.progress import Progress
from tests.integration.conftest import ServerTemplate
from tests.integration.disks import fill, make_room, small_disk
from tests.integration.forks import forked
from tests.integration.migration_library import Library, make_fresh, run, state
from tests.integration.processes import PostgresServer, running_postgres

pytestmark = pytest.mark.integration

COMMAND = (sys.executable, "-c", "from jellyfin_ha.cli import main; main()")


def filling(disk: Path, message: str) -> Progress:
    """A progress that fills a disk when a message comes."""

    def progress(told: str, fraction: float | None = None, /) -> None:
        if told.startswith(message):
            fill(disk)

    return progress


@pytest.mark.parametrize("message", ["copying UserData", "indexing BaseItems", "checking foreign keys"])
def test_a_full_disk_of_the_target_is_named_and_changes_nothing(
    message: str, library: Library, postgres_server: PostgresServer, new_server: ServerTemplate
) -> None:
    with (
        small_disk(96, owner="postgres") as disk,
        postgres_server.tablespace(disk) as space,
        postgres_server.database(owner=new_server.role, template=new_server.name, tablespace=space) as name,
    ):
        target = postgres_server.conninfo(name, user=new_server.role, password=new_server.password)
        before = state(target)

        with pytest.raises(UserError, match=r"the target's disk is full: .*No space left on device") as refusal:
            migrate(library.path, target, progress=filling(disk, message))

        assert refusal.value.exit_code == 1
        assert "Nothing was changed. Make room" in str(refusal.value)
        assert state(target) == before
        make_room(disk)
        assert not migrate(library.path, target).already_migrated


def test_a_full_disk_of_the_targets_log_ends_the_server_and_changes_nothing(library: Library, tmp_path: Path) -> None:
    # More than the log has in reserve, and nothing to compress.
    library.execute("""UPDATE "Chapters" SET "Name" = hex(randomblob(1000000))""")
    with (
        small_disk(24, owner="postgres") as disk,
        running_postgres({"min_wal_size": "2MB", "max_wal_size": "2MB"}, log_disk=disk / "log") as server,
        server.role() as (role, password),
        server.database(owner=role) as name,
    ):
        target = server.conninfo(name, user=role, password=password)
        make_fresh(target, tmp_path)
        run(server.conninfo(name), "CHECKPOINT")
        before = state(target)

        with pytest.raises(UserError, match=r"to the target was lost|disk is full") as refusal:
            migrate(library.path, target, progress=filling(disk, "copying"))

        assert refusal.value.exit_code == 1
        assert "Nothing was changed" in str(refusal.value)
        assert "full disk" in str(refusal.value) or "Make room" in str(refusal.value)
        make_room(disk)
        server.crash()
        server.start()
        assert state(target) == before
        assert not migrate(library.path, target).already_migrated


@pytest.fixture
def disk() -> Iterator[Path]:
    with small_disk(1) as found:
        yield found


def command(output: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and the words of the command."""

    def work(_: object) -> None:
        sys.argv = ["jellyfin-ha", "migrate", *arguments]
        main()

    with forked(work, output) as child:
        return child.wait(), child.words()


def test_a_migration_whose_report_has_no_room_is_done_and_the_next_run_writes_the_report(
    library: Library, target: str, disk: Path, tmp_path: Path
) -> None:
    fill(disk)
    report = disk / "report.json"
    arguments = ("--sqlite", str(library.path), "--postgres", target, "--report", str(report))

    code, words = command(tmp_path / "output", *arguments)

    assert code == 1
    assert f"Migrated and verified {library.rows} rows" in words
    assert (
        f"cannot write the report {report}: No space left on device. What is told above is done and stays so." in words
    )
    assert "Run the command again without --replace: it does nothing but write the report." in words
    assert sorted(path.name for path in disk.iterdir()) == ["ballast"]
    assert read_record(target) is not None

    make_room(disk)
    code, words = command(tmp_path / "output", *arguments)
    assert code == 0
    assert "Nothing to do" in words
    assert json.loads(report.read_text("utf-8"))["outcome"] == "already migrated"


def test_a_refusal_whose_report_has_no_room_is_told_all_the_same(
    library: Library, target: str, disk: Path, tmp_path: Path
) -> None:
    library.execute("""UPDATE "MediaStreamInfos" SET "Height" = 'tall' WHERE rowid = 5""")
    fill(disk)
    code, words = command(
        tmp_path / "output",
        *("--sqlite", str(library.path), "--postgres", target, "--report", str(disk / "report.json")),
    )
    assert code == 1
    assert "column Height: not a whole number; found 'tall'" in words
    assert f"Nor could the report {disk / 'report.json'} be written: No space left on device." in words


@pytest.mark.parametrize("message", ["writing AccessSchedules", "writing UserData", "indexing"])
def test_a_way_back_without_room_leaves_no_file_and_says_why(
    message: str, library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    with small_disk(16) as disk:
        with pytest.raises(UserError) as failure:
            reverse(target, disk / "back.db", library.path, progress=filling(disk, message))
        assert failure.value.exit_code == 1
        assert f"cannot write {disk / 'back.db'}: database or disk is full. No file was left." in str(failure.value)
        assert [path.name for path in disk.iterdir()] == ["ballast"]
        make_room(disk)
        assert reverse(target, disk / "back.db", library.path).rows == library.rows


def test_a_full_disk_for_temporary_files_is_no_damage_of_the_library(
    library: Library, target: str, disk: Path, tmp_path: Path
) -> None:
    """A row that is missing makes the verification read both sides in the order of the key."""
    library.execute("""UPDATE "Chapters" SET "Name" = printf('%.*c', 1000000, 'x')""")
    run(
        target,
        """CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN IF NEW."ChapterIndex" = 7 THEN RETURN NULL; END IF; RETURN NEW; END $$""",
        'CREATE TRIGGER swallow BEFORE INSERT ON "Chapters" FOR EACH ROW EXECUTE FUNCTION swallow()',
    )
    before = state(target)
    fill(disk)
    # A process of its own: SQLite asks once where its temporary files go.
    done = subprocess.run(
        [*COMMAND, "migrate", "--sqlite", str(library.path), "--postgres", target],
        env={**os.environ, "SQLITE_TMPDIR": str(disk)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "no room for SQLite's temporary files" in done.stderr
    assert "SQLITE_TMPDIR" in done.stderr
    assert "integrity_check" not in done.stderr
    assert state(target) == before
