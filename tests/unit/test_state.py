"""Where Pulumi's state is, in a shell that says nothing, something, or something that is no longer so."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from jellyfin_ha.cli.checkout import Checkout
from jellyfin_ha.cli.engine import Engine
from jellyfin_ha.cli.stages import Stages
from jellyfin_ha.cli.up import bring_up
from jellyfin_ha.lab.instance import Instance
from jellyfin_ha.operations.errors import UserError

BACKEND = "PULUMI_BACKEND_URL"
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"
PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for name in (BACKEND, PASSPHRASE, PASSPHRASE_FILE):
        monkeypatch.delenv(name, raising=False)
    return Engine(
        pulumi=tmp_path / "pulumi", environment={}, checkout=tmp_path / "checkout", folder=tmp_path / "state" / "pulumi"
    )


def hand_to_the_shell(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What eval "$(jellyfin-ha lab env)" does."""
    for name, value in engine.variables().items():
        monkeypatch.setenv(name, value)


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def test_a_shell_that_says_nothing_gets_the_checkouts_own(engine: Engine) -> None:
    variables = engine.variables()
    assert variables[BACKEND] == f"file://{engine.folder / 'backend'}"
    assert (engine.folder / "backend").is_dir()
    assert variables[PASSPHRASE_FILE] == str(engine.folder / "passphrase")
    assert len((engine.folder / "passphrase").read_text()) > 30
    assert (engine.folder / "passphrase").stat().st_mode & 0o777 == 0o600


def test_a_shell_that_knew_the_lab_before_it_was_removed_begins_anew(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_to_the_shell(engine, monkeypatch)
    before = engine.variables()
    remove(engine.folder)
    assert engine.variables() == before
    assert (engine.folder / "backend").is_dir()
    assert (engine.folder / "passphrase").read_text()


def test_what_another_labs_shell_names_is_used_while_it_is_there_and_told_when_it_is_gone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Engine(pulumi=engine.pulumi, environment={}, checkout=engine.checkout, folder=tmp_path / "other" / "pulumi")
    hand_to_the_shell(other, monkeypatch)
    assert engine.variables()[BACKEND] == f"file://{other.folder / 'backend'}"
    remove(other.folder)
    with pytest.raises(UserError) as caught:
        engine.variables()
    assert caught.value.exit_code == 2
    for part in (
        f"{BACKEND}: expected a folder that is there, found file://{other.folder / 'backend'}",
        f"{PASSPHRASE_FILE}: expected a file that is there, found {other.folder / 'passphrase'}",
        f"`unset {BACKEND} {PASSPHRASE_FILE}`",
        str(engine.folder),
    ):
        assert part in str(caught.value)
    assert not other.folder.exists(), "what is not ours is not made"


@pytest.mark.parametrize("url", ["s3://bucket", "https://api.pulumi.com"])
def test_a_backend_elsewhere_is_left_to_pulumi(engine: Engine, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(BACKEND, url)
    assert engine.variables()[BACKEND] == url


def test_a_folder_is_that_of_the_command_and_not_of_where_pulumi_is_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "my state").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(BACKEND, "file://./my%20state?no_tmp_dir=false")
    assert engine.variables()[BACKEND] == f"file://{tmp_path}/my%20state?no_tmp_dir=false"


def test_a_passphrase_that_is_given_makes_its_file_of_no_matter(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, "")
    monkeypatch.setenv(PASSPHRASE_FILE, "/nowhere")
    assert PASSPHRASE_FILE not in engine.variables()
    assert not (engine.folder / "passphrase").exists()


def test_up_says_it_before_anything_is_built(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text((Path(__file__).parents[2] / "Pulumi.dev.yaml").read_text())
    monkeypatch.setenv(BACKEND, "file:///nowhere")
    checkout = Checkout(folder=tmp_path, instance=Instance("test", tmp_path / "state"))
    with pytest.raises(UserError, match="found file:///nowhere"):
        bring_up(checkout, Stages(Console()), stack="dev", context="none")
    assert not (tmp_path / "state").exists()
