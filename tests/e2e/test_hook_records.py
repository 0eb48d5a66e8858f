"""A hook that failed runs again, on a real engine and a real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# The hook fails while the file `fit` is missing, and writes a line for each run.
PROGRAM = """\
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from jellyfin_ha.infra.hooks import record
from jellyfin_ha.operations.errors import UserError


async def hook() -> None:
    with Path("runs").open("a") as runs:
        runs.write("run\\n")
    if not Path("fit").exists():
        raise UserError("expected the file fit, found none: make it")


record(
    "hook-test-record",
    hook,
    metadata=k8s.meta.v1.ObjectMetaArgs(name="hook-test-record", namespace="default"),
    fingerprint=pulumi.Config().require("fingerprint"),
)
"""


class Project:
    """A Pulumi project of one hook."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self._variables = variables
        (folder / "Pulumi.yaml").write_text("name: hook-test\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        backend = folder / "backend"
        backend.mkdir()
        self._variables["PULUMI_BACKEND_URL"] = f"file://{backend}"
        self._variables["PULUMI_PYTHON_CMD"] = sys.executable
        self.pulumi("stack", "init", "test")

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def up(self, fingerprint: str = "one") -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", "test", "--config", f"fingerprint={fingerprint}")

    def runs(self) -> int:
        path = self.folder / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def project(stack: Stack, tmp_path: Path) -> Project:
    variables = {**os.environ, **stack.variables, "KUBECONFIG": str(stack.instance.kubeconfig)}
    variables.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    return Project(tmp_path, {**variables, "PULUMI_CONFIG_PASSPHRASE": "test"})


def test_a_failed_hook_fails_every_update_until_it_succeeds_and_then_rests(project: Project) -> None:
    try:
        for attempt in (1, 2):
            failed = project.up()
            assert failed.returncode != 0
            assert "expected the file fit, found none: make it" in failed.stdout + failed.stderr
            assert project.runs() == attempt
        (project.folder / "fit").touch()
        assert project.up().returncode == 0
        assert project.runs() == 3
        assert project.up().returncode == 0
        assert project.runs() == 3, "a success is recorded"
        (project.folder / "fit").unlink()
        assert project.up("two").returncode != 0
        assert project.up("two").returncode != 0
        assert project.runs() == 5, "other inputs run it again, and the old record does not hide its failure"
        preview = project.pulumi("preview", "--stack", "test")
        assert preview.returncode == 0
        assert project.runs() == 5, "a preview runs nothing"
    finally:
        project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "test")
