"""`jellyfin-ha adopt`: what it says, what it writes, and what it ends with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jellyfin_ha.cli import app
from jellyfin_ha.operations.adoption import REPORT_VERSION
from jellyfin_ha.operations.errors import UserError

from .old_server import OTHER_ID, SERVER_ID, expected, files, make, state, write

PAGE = (Path(__file__).parents[2] / "docs" / "adoption.md").read_text()


def _adopt(old: Path, new: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["adopt", "--from", str(old), "--to", str(new), "--owner", "keep", *options])


def _error(result: Result) -> UserError:
    assert isinstance(result.exception, UserError), result.output
    return result.exception


def test_it_copies_and_says_so(old: Path, new: Path) -> None:
    result = _adopt(old, new)
    assert result.exit_code == 0, result.output
    assert files(new) == expected()
    assert SERVER_ID in result.output
    assert f"{len(expected())} files copied and compared" in result.output


def test_a_dry_run_says_everything_and_writes_nothing(old: Path, new: Path, tmp_path: Path) -> None:
    write(new / "config/database.xml", "x")
    before = state(tmp_path)
    result = _adopt(old, new, "--dry-run")
    assert result.exit_code == 0, result.output
    assert state(tmp_path) == before
    assert "nothing was written" in result.output
    assert f"would copy {len(expected())} files" in result.output
    assert "data/jellyfin.db" in result.output


def test_a_refusal_writes_nothing_but_the_report(old: Path, new: Path, tmp_path: Path) -> None:
    write(new / "data/device.txt", OTHER_ID)
    before = state(new)
    report = tmp_path / "report.json"
    error = _error(_adopt(old, new, "--report", str(report)))
    assert error.exit_code == 1
    assert str(error).startswith("nothing was copied:\n- expected ")
    assert state(new) == before
    content = json.loads(report.read_text())
    assert content["status"] == "refused"
    assert OTHER_ID in content["refusals"][0]


def test_media_elsewhere_are_printed_and_end_it_unless_accepted(tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old", paths=["/mnt/pool/films/a.mkv", "/mnt/pool/films/b.mkv"])
    result = _adopt(old, new)
    assert _error(result).exit_code == 1
    assert "/mnt/pool/films" in result.output
    assert not new.exists()
    assert _adopt(old, new, "--accept-paths").exit_code == 0
    assert files(new) == expected()


def test_media_of_several_folders_may_be_looked_for_here(tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old", paths=["/media/a.mkv", "/more/b.mkv"])
    (tmp_path / "nas").mkdir()
    (tmp_path / "nas/b.mkv").touch()
    result = _adopt(old, new, "--media", "/media", "--media", f"/more={tmp_path / 'nas'}")
    assert result.exit_code == 0, result.output
    (tmp_path / "nas/b.mkv").unlink()
    result = _adopt(old, new, "--media", "/media", "--media", f"/more={tmp_path / 'nas'}")
    assert "1 items have no file on this machine" in str(_error(result))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--owner", "jellyfin"], "expected --owner UID:GID"),
        (["--owner", "1000:99999999999"], "expected --owner UID:GID"),
        (["--media", "media"], "expected --media"),
        (["--from-config", "/no/such/folder"], "is not a folder"),
    ],
)
def test_bad_use_is_told_from_a_refusal(options: list[str], words: str, old: Path, new: Path) -> None:
    error = _error(_adopt(old, new, *options))
    assert error.exit_code == 2
    assert words in str(error)
    assert not new.exists()


@pytest.mark.parametrize("place", ["old", "old/data", "new"])
def test_the_report_is_kept_out_of_both_folders(place: str, old: Path, new: Path, tmp_path: Path) -> None:
    new.mkdir()
    before = state(tmp_path)
    error = _error(_adopt(old, new, "--report", str(tmp_path / place / "report.json")))
    assert error.exit_code == 2
    assert state(tmp_path) == before


def test_a_report_in_no_folder_is_told_before_anything_is_copied(old: Path, new: Path, tmp_path: Path) -> None:
    error = _error(_adopt(old, new, "--report", str(tmp_path / "nowhere" / "report.json")))
    assert error.exit_code == 2
    assert str(tmp_path / "nowhere") in str(error)
    assert not new.exists()


def test_the_report_has_the_form_that_the_page_describes(old: Path, new: Path, tmp_path: Path) -> None:
    with open(str(old / "metadata") + "/caf\udce9\n.jpg", "wb"):  # noqa: PTH123
        pass
    report = tmp_path / "report.json"
    assert _adopt(old, new, "--report", str(report)).exit_code == 0
    content: dict[str, Any] = json.loads(report.read_bytes().decode("ascii"))
    assert content["report_version"] == REPORT_VERSION == 1
    assert content["status"] == "done"
    assert content["server"] == {"id": SERVER_ID, "name": "attic"}
    assert content["copied"]["files"] == content["selected"]["files"] == len(expected()) + 1
    (cache,) = [group for group in content["left_out"] if group["path"] == "cache"]
    assert (cache["files"], cache["bytes"]) == (1, len("cached"))
    assert cache["reason"]
    assert [key for key in content if f"`{key}`" not in PAGE] == []


def test_a_copy_that_fails_is_in_the_report(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*everything: object, **more: object) -> None:
        raise UserError("the disk is full")

    monkeypatch.setattr("jellyfin_ha.operations.adoption.run", failing)
    report = tmp_path / "report.json"
    assert str(_error(_adopt(old, new, "--report", str(report)))) == "the disk is full"
    assert json.loads(report.read_text())["refusals"] == ["the disk is full"]


def test_odd_names_are_printed_on_one_line(old: Path, new: Path) -> None:
    write(old / "odd\n[red]name", "x")
    result = _adopt(old, new)
    assert result.exit_code == 0
    assert r"odd\n[red]name" in result.output
