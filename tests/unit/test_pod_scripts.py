"""The few lines of shell that run in the server's pods, run here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jellyfin_ha.components.jellyfin_server import CLOSE_WIZARD
from jellyfin_ha.components.schema_upgrade import FIRST_CONFIGURATION


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script.replace("/config/config", str(folder)).replace("/first", str(folder / "first"))],
        env={"PATH": "/usr/bin:/bin", "HOSTNAME": "jellyfin-0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "before",
    [
        "<ServerConfiguration>\n  <IsStartupWizardCompleted>false</IsStartupWizardCompleted>\n</ServerConfiguration>\n",
        "<ServerConfiguration><A>1</A><IsStartupWizardCompleted>false</IsStartupWizardCompleted></ServerConfiguration>",
        "<ServerConfiguration>\n  <A>1</A>\n</ServerConfiguration>",
    ],
)
def test_an_open_wizard_is_closed_and_nothing_else_changed(tmp_path: Path, before: str) -> None:
    file = tmp_path / "system.xml"
    file.write_text(before)
    assert run(CLOSE_WIZARD, tmp_path).returncode == 0
    after = file.read_text()
    assert after.count("<IsStartupWizardCompleted>true</IsStartupWizardCompleted>") == 1
    assert "false" not in after
    assert ("<A>1</A>" in after) == ("<A>1</A>" in before)
    assert list(tmp_path.iterdir()) == [file]


def test_a_closed_wizard_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "system.xml"
    file.write_text("<ServerConfiguration><IsStartupWizardCompleted>true</IsStartupWizardCompleted>")
    before = file.stat()
    assert run(CLOSE_WIZARD, tmp_path).returncode == 0
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_a_damaged_file_is_not_replaced_by_a_worse_one(tmp_path: Path) -> None:
    file = tmp_path / "system.xml"
    file.write_text("<ServerConfi")
    assert run(CLOSE_WIZARD, tmp_path).returncode != 0
    assert file.read_text() == "<ServerConfi"


def test_a_first_encoding_file_is_written_once_and_peoples_changes_stay(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "encoding.xml").write_text("first")
    assert run(FIRST_CONFIGURATION, tmp_path).returncode == 0
    file = tmp_path / "encoding.xml"
    assert file.read_text() == "first"
    file.write_text("changed in the dashboard")
    assert run(FIRST_CONFIGURATION, tmp_path).returncode == 0
    assert file.read_text() == "changed in the dashboard"
