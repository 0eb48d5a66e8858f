"""GitHub's workflows, looked at by actionlint."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jellyfin_ha.lab import toolchain
from jellyfin_ha.operations.progress import silent

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

# The linter may have to be built.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def lint(*workflows: Path) -> subprocess.CompletedProcess[str]:
    program = toolchain.ensure(silent, parts=("checks",)).bin / "actionlint"
    return subprocess.run([program, *workflows], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_actionlint_finds_nothing_in_the_workflows() -> None:
    assert WORKFLOWS
    done = lint(*WORKFLOWS)
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_finds_a_step_that_is_not_there(tmp_path: Path) -> None:
    text = (ROOT / ".github" / "workflows" / "preview.yml").read_text()
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace("steps.report.outputs", "steps.other.outputs"))
    done = lint(broken)
    assert done.returncode == 1
    assert 'property "other" is not defined' in done.stdout
