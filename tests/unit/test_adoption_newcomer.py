"""A new server that nobody has set up makes room: its files are set aside, and nobody's are ever lost."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jellyfin_ha.cli import app
from jellyfin_ha.operations.adoption.layout import DEVICE
from jellyfin_ha.operations.errors import UserError

from .dying import killed_at
from .new_server import IN_THE_WAY, STAYS, SYSTEM, contents, make_new, start_again
from .old_server import COPIED, OTHER_ID, SERVER_ID, adopt, copy, expected, files, look, make, state, write

FOLDER = f"before-adoption-{OTHER_ID}"
ENDED = SYSTEM.replace("false", "true")


@pytest.fixture(autouse=True)
def not_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that the system has: waiting for the disk would only take time here."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return make(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return make_new(tmp_path / "new")


def _small(folder: Path) -> Path:
    """An old server with little but what stands in the way."""
    make(folder)
    for path in ("metadata", "config/users", "config/ScheduledTasks", "root", "data/trickplay", "data/subtitles"):
        shutil.rmtree(folder / path)
    return folder


def _refusal(old: Path, new: Path) -> str:
    """Why it is refused, with nothing set aside and nothing changed."""
    before = state(new)
    found = look(old, new)
    assert found.destination.moves == ()
    (reason,) = found.refusals
    assert state(new) == before
    return reason


def _command(old: Path, new: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["adopt", "--from", str(old), "--to", str(new), "--owner", "keep", *options])


def test_what_is_in_the_way_is_set_aside_and_the_rest_of_the_new_server_stays(old: Path, new: Path) -> None:
    adopt(old, new)
    there = files(new)
    aside = {path.removeprefix(f"{FOLDER}/"): there.pop(path) for path in list(there) if path.startswith(FOLDER)}
    assert aside == {path: content.encode() for path, content in IN_THE_WAY.items()}
    assert there == {**{path: content.encode() for path, content in STAYS.items()}, **expected()}


def test_afterwards_it_is_the_old_server_and_a_second_run_does_nothing(old: Path, new: Path) -> None:
    adopt(old, new)
    before = files(new)
    found = look(old, new)
    assert found.destination.newcomer is None
    outcome = copy(found)
    assert (outcome.files, outcome.known) == (0, len(COPIED))
    assert files(new) == before


def test_a_dry_run_says_what_it_would_set_aside_and_does_nothing(old: Path, new: Path, tmp_path: Path) -> None:
    before = state(tmp_path)
    result = _command(old, new, "--dry-run")
    assert result.exit_code == 0, result.output
    assert state(tmp_path) == before
    assert OTHER_ID in result.output
    assert "nobody has set up" in result.output
    assert f"would set aside {len(IN_THE_WAY)} files and copy" in result.output
    for path in IN_THE_WAY:
        assert path in result.output


def test_the_summary_and_the_report_say_where_everything_went(old: Path, new: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    places = sorted(f"{FOLDER}/{path}" for path in IN_THE_WAY)
    result = _command(old, new, "--report", str(report))
    assert result.exit_code == 0, result.output
    assert f"{len(IN_THE_WAY)} files of the new server set aside" in result.output
    assert sorted(json.loads(report.read_text())["set_aside"]) == places
    assert _command(old, new, "--report", str(report)).exit_code == 0
    assert sorted(json.loads(report.read_text())["set_aside"]) == places, "a later run knows it still"


@pytest.mark.parametrize(
    "system",
    [
        ENDED,
        ENDED.replace("true", "True"),
        "<ServerConfiguration />",
        "<ServerConfiguration><IsStartupWizardCompleted /></ServerConfiguration>",
        "<ServerConfiguration><IsStartupWizardCompleted>false</IsStartupWizardCompleted>"
        "<IsStartupWizardCompleted>true</IsStartupWizardCompleted></ServerConfiguration>",
        SYSTEM.replace("ServerConfiguration", "Other"),
        SYSTEM[:-5],
        "",
        None,
    ],
)
def test_a_server_that_may_have_been_set_up_is_refused_and_not_touched(
    system: str | None, old: Path, new: Path
) -> None:
    (new / "config/system.xml").unlink()
    if system is not None:
        write(new / "config/system.xml", system)
    reason = _refusal(old, new)
    assert OTHER_ID in reason
    assert "config/system.xml" in reason
    assert "empty the folder but for config/database.xml" in reason


@pytest.mark.parametrize(
    "path",
    [
        "root/default/Films/options.xml",
        "root/default/Films",
        "config/users/ann/profile.jpg",
        "data/playlists/Evening/playlist.xml",
        "data/collections/Trilogy [boxset]/collection.xml",
        "metadata/library/0a/0a1b/poster.jpg",
        "data/jellyfin.db",
    ],
)
def test_a_server_in_use_that_lost_its_settings_is_refused_and_not_touched(path: str, old: Path, new: Path) -> None:
    if path == "root/default/Films":
        (new / path).mkdir()
    else:
        write(new / path, "somebody's")
    reason = _refusal(old, new)
    assert OTHER_ID in reason
    assert str(Path(*Path(path).parts[:3])) in reason


def test_links_to_folders_count_as_somebodys(old: Path, new: Path, tmp_path: Path) -> None:
    (new / "metadata/library/elsewhere").symlink_to(tmp_path)
    assert "metadata/library/elsewhere" in _refusal(old, new)


def test_a_folder_that_cannot_be_looked_into_is_not_taken_for_empty(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refusing(path: str | None = None) -> object:
        if path is not None and os.fspath(path).startswith(str(new / "metadata")):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UserError, match="Permission denied"):
        look(old, new)


@pytest.mark.parametrize("content", ["", "not an id"])
def test_a_server_without_an_id_is_refused(content: str, old: Path, new: Path) -> None:
    write(new / DEVICE, content)
    assert f"its {DEVICE} holds no id" in _refusal(old, new)


def test_a_folder_or_link_in_the_way_is_refused_and_nothing_is_set_aside(old: Path, new: Path, tmp_path: Path) -> None:
    (new / "config/branding.xml").mkdir()
    (new / "config/migrations.xml").symlink_to(tmp_path / "elsewhere")
    reason = _refusal_with_moves(old, new)
    assert "config/branding.xml: a file here, something else there" in reason
    assert "config/migrations.xml: a file here, something else there" in reason
    assert "config/encoding.xml" not in reason


def _refusal_with_moves(old: Path, new: Path) -> str:
    before = state(new)
    (reason,) = look(old, new).refusals
    assert state(new) == before
    return reason


def test_settings_that_are_a_link_are_no_new_servers(old: Path, new: Path) -> None:
    (new / "config/system.xml").rename(new / "elsewhere.xml")
    (new / "config/system.xml").symlink_to("../elsewhere.xml")
    assert "config/system.xml: a file here, something else there" in _refusal_with_moves(old, new)


def test_nothing_that_was_set_aside_before_is_replaced(old: Path, new: Path) -> None:
    write(new / FOLDER / "config/encoding.xml", "of an earlier time")
    adopt(old, new)
    assert (new / FOLDER / "config/encoding.xml").read_text() == "of an earlier time"
    assert (new / FOLDER / "config/encoding.xml.2").read_text() == IN_THE_WAY["config/encoding.xml"]


def test_the_good_copies_of_a_new_servers_settings_do_not_come_back_later(old: Path, new: Path) -> None:
    write(new / "jellyfin-ha/known-good/data/device.txt", OTHER_ID)
    write(old / "jellyfin-ha/known-good/config/system.xml", "of a server long ago")
    adopt(old, new)
    assert not (new / "jellyfin-ha").exists()
    assert (new / FOLDER / "jellyfin-ha/known-good/data/device.txt").read_text() == OTHER_ID


def test_what_was_set_aside_in_an_old_folder_does_not_come_along(old: Path, new: Path) -> None:
    write(old / "before-adoption-0123/config/system.xml", "of a server long ago")
    found = look(old, new)
    copy(found)
    assert not (new / "before-adoption-0123").exists()
    assert "before-adoption-0123/config/system.xml" in {group.path for group in found.selection.left_out}


def test_a_server_that_is_set_up_while_the_folder_is_looked_at_is_left_alone(old: Path, new: Path) -> None:
    found = look(old, new)
    write(new / "config/system.xml", ENDED)
    before = files(new)
    with pytest.raises(UserError, match="a new server runs on it"):
        copy(found)
    assert files(new) == before


def test_killed_before_each_step_nothing_is_lost_and_the_next_run_ends_whole(tmp_path: Path) -> None:
    old, fresh = _small(tmp_path / "old"), make_new(tmp_path / "fresh")
    never = shutil.copytree(fresh, tmp_path / "never killed")
    adopt(old, never)
    whole = files(never)
    new = tmp_path / "new"
    for step in range(1, 10_000):
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(fresh, new)
        status = killed_at(step, old, new)
        assert contents(fresh) <= contents(new), f"killed at {step}"
        if status == 0:
            break
        assert os.WIFSIGNALED(status), "the run failed by itself"
        adopt(old, new)
        assert files(new) == whole, f"killed at {step}"
    assert step > 4 * len(IN_THE_WAY), "the run was killed at every file's steps"


def test_killed_and_started_in_between_nothing_is_lost_and_the_next_run_ends_whole_or_refuses(tmp_path: Path) -> None:
    old, fresh = _small(tmp_path / "old"), make_new(tmp_path / "fresh")
    new = tmp_path / "new"
    whole = refused = 0
    for step in range(1, 10_000):
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(fresh, new)
        if killed_at(step, old, new) == 0:
            break
        written = set(start_again(new).values())
        found = look(old, new)
        if found.refusals:
            refused += 1
            continue
        copy(found)
        whole += 1
        assert contents(fresh) - {IN_THE_WAY["config/encoding.xml"]} <= contents(new), f"killed at {step}"
        assert written <= contents(new), f"killed at {step}"
        assert all(files(new)[path] == content for path, content in files(old).items() if path in COPIED)
    assert whole > 2 * len(IN_THE_WAY), "what is only set aside is taken up again"
    assert refused, "once files were copied, another start is noticed"


def test_a_server_that_was_set_up_after_a_killed_run_is_refused_and_its_files_are_named(tmp_path: Path) -> None:
    old, new = _small(tmp_path / "old"), make_new(tmp_path / "new")
    step = 1
    while not (new / FOLDER / "config/network.xml").exists():
        killed_at(step, old, new)
        step += 1
    write(new / "config/system.xml", ENDED)
    reason = _refusal(old, new)
    assert OTHER_ID in reason
    assert f"An earlier run has set files of it aside in {FOLDER}" in reason


@pytest.mark.parametrize("lost", [("config/system.xml",), ("config/system.xml", DEVICE)])
def test_adopted_servers_that_lose_their_settings_are_not_taken_for_new_ones(
    lost: tuple[str, ...], old: Path, new: Path
) -> None:
    adopt(old, new)
    for path in lost:
        (new / path).unlink()
    start_again(new)
    reason = _refusal(old, new)
    assert "config/system.xml: was changed since it was adopted" in reason


def test_another_old_server_does_not_follow_into_an_adopted_folder(old: Path, new: Path, tmp_path: Path) -> None:
    adopt(old, new)
    other = make(tmp_path / "other")
    write(other / DEVICE, "0" * 31 + "2")
    assert f"the server {SERVER_ID} was adopted into it" in _refusal(other, new)
