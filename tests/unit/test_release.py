"""What a release is made from: the version, the changelog and the workflow agree before anything is published."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jellyfin_ha import __version__

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
DATED = re.sub(r"^(## \[.+?\] - )Unreleased$", r"\g<1>2027-01-31", CHANGELOG, flags=re.MULTILINE)
UNDATED = re.sub(r"^(## \[.+?\] - ).+$", r"\1Unreleased", CHANGELOG, flags=re.MULTILINE)
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SECONDS = 30


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "jellyfin_ha").mkdir()
    (tmp_path / "jellyfin_ha" / "__init__.py").write_text((ROOT / "jellyfin_ha" / "__init__.py").read_text())
    return tmp_path


def agree(tree: Path, tag: str, changelog: str) -> subprocess.CompletedProcess[str]:
    """Run the release's first step as its runner does."""
    (tree / "CHANGELOG.md").write_text(changelog)
    release: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    (step,) = [step for step in release["jobs"]["build"]["steps"] if step.get("id") == "version"]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_REF_NAME": tag,
        "GITHUB_OUTPUT": str(tree / "output"),
    }
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_newest_version_of_the_changelog_is_the_packages() -> None:
    assert re.findall(r"^## \[(.+?)\]", CHANGELOG, flags=re.MULTILINE)[0] == __version__


def test_every_version_of_the_changelog_says_when_it_came_or_that_it_has_not_yet() -> None:
    form = r"## \[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d|Unreleased)"
    headings = re.findall(r"^## .*$", CHANGELOG, flags=re.MULTILINE)
    assert [heading for heading in headings if not re.fullmatch(form, heading)] == []


def test_a_release_takes_its_notes_from_the_changelogs_own_section(tree: Path) -> None:
    older = "\n## [0.0.1] - 2020-01-01\n\n- nothing of today\n"
    done = agree(tree, f"v{__version__}", DATED + older)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tree / "output").read_text() == f"version={__version__}\n"
    notes = (tree / "notes.md").read_text()
    assert "### Added" in notes
    assert "nothing of today" not in notes
    assert "## [" not in notes


@pytest.mark.parametrize(
    ("tag", "changelog", "words"),
    [
        ("v9.9.9", DATED, f"expected the tag v{__version__}"),
        (__version__, DATED, f"expected the tag v{__version__}"),
        (f"v{__version__}", UNDATED, "in CHANGELOG.md, found none"),
    ],
)
def test_a_tag_that_does_not_fit_is_refused_before_anything_is_built(
    tree: Path, tag: str, changelog: str, words: str
) -> None:
    done = agree(tree, tag, changelog)
    assert done.returncode == 1
    assert words in done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(workflow: Path) -> None:
    lines = re.findall(r"^\s*(?:- )?uses: (.+)$", workflow.read_text(), flags=re.MULTILINE)
    assert [line for line in lines if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
