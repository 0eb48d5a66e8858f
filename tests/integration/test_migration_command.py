"""`jellyfin-ha migrate` as a person runs it: exit codes, words, the report, and how much memory it takes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from jellyfin_ha.lab.library import write_sample_database
from jellyfin_ha.operations.migration import migrate, read_record
from jellyfin_ha.operations.progress import silent
from tests.integration.conftest import ServerTemplate
from tests.integration.migration_library import Library, read_rows, state
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration

COMMAND = str(Path(sys.executable).parent / "jellyfin-ha")
PEAK_MIB = 100


def command(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "migrate", *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def url_of(target: str) -> tuple[str, dict[str, str]]:
    """A URL without the password, and the environment that has it."""
    parts = conninfo_to_dict(target)
    url = f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    return url, {"PGPASSWORD": str(parts["password"])}


@pytest.fixture
def arguments(library: Library, target: str) -> tuple[str, ...]:
    return ("--sqlite", str(library.path), "--postgres", target)


def read(report: Path) -> dict[str, Any]:
    return json.loads(report.read_text("utf-8"))


def test_a_library_is_migrated_and_the_report_tells_all(
    library: Library, target: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"

    done = command(*arguments, "--report", str(report))

    assert done.returncode == 0, done.stderr
    assert f"Migrated and verified {library.rows} rows of 30 tables" in done.stdout
    told = read(report)
    assert list(told) == [
        "report_version",
        "outcome",
        "source_fingerprint",
        "versions",
        "started_at",
        "finished_at",
        "total_rows",
        "rows",
        "timestamps_cut_to_microseconds",
        "differences",
        "repairs",
        "seconds",
    ]
    assert told["report_version"] == 1
    assert told["outcome"] == "migrated"
    assert told["total_rows"] == sum(told["rows"].values()) == library.rows
    assert set(told["seconds"]) == {"copy", "indexes and keys", "verification", "statistics"}
    assert len(read_rows(target, "Users")) == told["rows"]["Users"]


def test_the_second_time_nothing_is_done_and_the_report_is_that_of_the_first(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert command(*arguments, "--report", str(first)).returncode == 0

    again = command(*arguments, "--report", str(second))

    assert again.returncode == 0
    assert "Nothing to do" in again.stdout
    assert read(second) == read(first) | {"outcome": "already migrated"}


def test_the_password_need_not_stand_on_the_command_line(library: Library, target: str) -> None:
    url, environment = url_of(target)
    assert command("--sqlite", str(library.path), "--postgres", url, environment=environment).returncode == 0
    environment["JELLYFIN_HA_POSTGRES"] = url
    assert "Nothing to do" in command("--sqlite", str(library.path), environment=environment).stdout


def test_what_does_not_fit_ends_with_1_and_the_report_names_all_of_it(
    library: Library, target: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    library.execute("""UPDATE "MediaStreamInfos" SET "BitRate" = 3000000000, "Height" = 'tall'""")
    before = state(target)
    report = tmp_path / "report.json"

    done = command(*arguments, "--report", str(report))

    assert done.returncode == 1
    assert "and 6 more" in done.stderr
    assert "Traceback" not in done.stderr
    told = read(report)
    assert told["outcome"] == "refused"
    assert len(told["problems"]) == 26
    assert told["error"] in done.stderr.replace("error: ", "", 1)
    assert state(target) == before


def test_a_trial_says_what_it_did_and_did_not(library: Library, target: str, arguments: tuple[str, ...]) -> None:
    done = command(*arguments, "--dry-run")
    assert done.returncode == 0
    assert f"Copied, verified and rolled back {library.rows} rows" in done.stdout
    assert read_record(target) is None


def test_the_way_back_is_a_command_too(library: Library, target: str, tmp_path: Path) -> None:
    migrate(library.path, target)
    new, report = tmp_path / "new.db", tmp_path / "report.json"

    arguments = ("--reverse", "--postgres", target, "--sqlite", str(new), "--like", str(library.path))
    done = command(*arguments, "--report", str(report))

    assert done.returncode == 0, done.stderr
    assert f"Wrote and verified {library.rows} rows of 30 tables" in done.stdout
    assert read(report)["outcome"] == "reversed"
    assert new.stat().st_size > 0
    again = command(*arguments)
    assert again.returncode == 2
    assert "expected no file" in again.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--reverse",), "expected --reverse and --like together"),
        (("--like", "x.db"), "expected --reverse and --like together"),
        (("--reverse", "--like", "x.db", "--replace"), "do not go with --reverse"),
        (("--report", "/nowhere/report.json"), "expected a file that can be written for --report"),
    ],
)
def test_options_that_make_no_sense_are_bad_use(
    options: tuple[str, ...], words: str, arguments: tuple[str, ...], target: str
) -> None:
    before = state(target)
    done = command(*arguments, *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert state(target) == before


def test_a_report_never_takes_the_place_of_something_else(
    library: Library, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    before = library.path.read_bytes()
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    for report in (library.path, library.path.with_name("jellyfin.db-wal"), notes, Path("/dev/null")):
        done = command(*arguments, "--dry-run", "--report", str(report))
        assert done.returncode == 2, report
        assert "for --report" in done.stderr
    assert library.path.read_bytes() == before
    assert notes.read_text() == "mine"
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    "url", ["http://u:geheim@127.0.0.1/x", "postgresql://u:geh%eim@127.0.0.1/x", "postgresql://u:p@geheim@127.0.0.1/x"]
)
def test_a_password_is_never_printed(url: str, library: Library, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = command("--sqlite", str(library.path), "--postgres", url, "--report", str(report))
    assert done.returncode in (1, 2)
    said = done.stdout + done.stderr + report.read_text()
    assert "geheim" not in said
    assert "geh%eim" not in said
    assert "encoded" in said


def test_a_missing_source_is_bad_input(target: str) -> None:
    done = command("--sqlite", "/nowhere/jellyfin.db", "--postgres", target)
    assert done.returncode == 2
    assert "No such file or directory" in done.stderr


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("large") / "jellyfin.db"
    write_sample_database(path, items=10_000, progress=silent)
    yield path
    path.unlink()


# A small process between: a child starts with the peak of the process that it was forked from.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def peak_of(*arguments: str) -> int:
    """The most memory that the command had resident, in MiB."""
    return int(subprocess.check_output([sys.executable, "-c", MEASURE, COMMAND, "migrate", *arguments], timeout=120))


def test_memory_does_not_grow_with_the_library(
    large: Path,
    target: str,
    library: Library,
    postgres_server: PostgresServer,
    new_server: ServerTemplate,
    tmp_path: Path,
) -> None:
    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        small_target = postgres_server.conninfo(name, user=new_server.role, password=new_server.password)
        small = peak_of("--sqlite", str(library.path), "--postgres", small_target)

    there = peak_of("--sqlite", str(large), "--postgres", target)
    back = peak_of("--reverse", "--like", str(large), "--sqlite", str(tmp_path / "back.db"), "--postgres", target)

    assert max(there, back) < PEAK_MIB
    assert there < small + 25, "250 times the rows"


def test_progress_tells_the_rate(large: Path, target: str) -> None:
    told: list[str] = []

    def listen(message: str, fraction: float | None = None, /) -> None:
        told.append(message)

    migrate(large, target, progress=listen)

    rates = [re.fullmatch(r"copying MediaStreamInfos, ([0-9,]+) rows/s", message) for message in told]
    assert {int(rate[1].replace(",", "")) > 0 for rate in rates if rate} == {True}
