"""Reports: whole or not at all, readable, and never in the way of what a command has to say."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jellyfin_ha.cli import app
from jellyfin_ha.cli.report_file import write_refusal, write_report
from jellyfin_ha.operations.errors import UserError

from .old_server import OTHER_ID, expected, files, write

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    return folder / "report.json"


def fail(monkeypatch: pytest.MonkeyPatch, report: Path, failure: BaseException) -> None:
    """Lets the report's last step fail."""
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target == report:
            raise failure
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)


def test_a_report_is_read_by_people_and_programs_and_keeps_names_that_are_no_text(report: Path) -> None:
    content = {"title": "Amélie", "path": "caf\udce9\\udce9"}
    write_report(report, content)
    assert "Amélie" in report.read_text("utf-8")
    assert json.loads(report.read_text("utf-8")) == content


@pytest.mark.parametrize("failure", [FULL, KeyboardInterrupt()], ids=["a full disk", "an interrupt"])
def test_what_cannot_be_written_leaves_the_earlier_report_and_nothing_else(
    report: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    write_report(report, {"run": 1})
    fail(monkeypatch, report, failure)
    with pytest.raises(type(failure)):
        write_report(report, {"run": 2})
    assert json.loads(report.read_text()) == {"run": 1}
    assert list(report.parent.iterdir()) == [report]


def test_a_failure_that_cannot_be_reported_is_told_first(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = UserError("the file is no database", exit_code=2)
    assert write_refusal(report, {}, failure) is failure
    fail(monkeypatch, report, FULL)
    told = write_refusal(report, {}, failure)
    assert told.exit_code == 2
    assert str(told) == f"the file is no database\nNor could the report {report} be written: No space left on device."


def adopt(old: Path, new: Path, report: Path, *options: str) -> tuple[str, UserError]:
    arguments = ["adopt", "--from", str(old), "--to", str(new), "--owner", "keep", "--report", str(report), *options]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UserError), result.output
    return result.output, result.exception


def test_an_adoption_that_is_refused_says_why_though_there_is_no_room_for_its_report(
    old: Path, new: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(new / "data/device.txt", OTHER_ID)
    fail(monkeypatch, report, FULL)
    _, error = adopt(old, new, report)
    assert str(error).startswith("nothing was copied:\n- expected ")
    assert f"Nor could the report {report} be written: No space left on device." in str(error)


def test_an_adoption_that_is_done_says_so_though_there_is_no_room_for_its_report(
    old: Path, new: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, report, FULL)
    output, error = adopt(old, new, report)
    assert files(new) == expected()
    assert f"{len(expected())} files copied and compared" in output
    assert f"cannot write the report {report}: No space left on device." in str(error)
    assert "it does nothing but write the report" in str(error)
    assert list(report.parent.iterdir()) == []
