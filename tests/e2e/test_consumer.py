"""examples/consumer, beside the dev stack: another project that reads its outputs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.contract import faults
from tests.e2e.conftest import ROOT, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CONFIG_MAP = ("configmap", "homepage-services", "--namespace", "default")


@pytest.fixture
def environment(stack: Stack) -> Mapping[str, str]:
    """The dev stack's engine and backend; the example comes from this checkout."""
    return {**os.environ, **stack.variables, "PYTHONPATH": str(ROOT)}


def pulumi(environment: Mapping[str, str], project: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["pulumi", *arguments, "--stack", "e2e", "--non-interactive"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"


def test_the_deployed_outputs_are_what_other_stacks_rely_on(stack: Stack) -> None:
    assert [*faults(json.loads(stack.pulumi("stack", "output", "--json")))] == []


def test_another_project_makes_something_of_the_outputs_and_takes_it_away(
    stack: Stack, environment: Mapping[str, str], tmp_path: Path
) -> None:
    project = tmp_path / "consumer"
    shutil.copytree(ROOT / "examples" / "consumer", project)
    outputs = json.loads(stack.pulumi("stack", "output", "--json"))
    pulumi(environment, project, "stack", "select", "--create")
    try:
        pulumi(environment, project, "up", "--yes", "--skip-preview")
        found = json.loads(stack.kubectl("get", *CONFIG_MAP, "--output", "json"))
        tile = yaml.safe_load(found["data"]["services.yaml"])[0]["Media"][0]["Jellyfin"]
        assert tile["href"] == outputs["url"]
        assert tile["siteMonitor"] == "http://jellyfin.jellyfin.svc:8096/health"
        shown = stack.kubectl("get", "pods", "--selector", tile["podSelector"], "--output", "name").split()
        assert shown == ["pod/jellyfin-0", "pod/jellyfin-1"], "the tile's selector finds the servers"
    finally:
        pulumi(environment, project, "destroy", "--yes", "--skip-preview", "--remove")
    assert stack.kubectl("get", *CONFIG_MAP, "--ignore-not-found") == ""
    assert json.loads(stack.pulumi("stack", "output", "--json")) == outputs
