"""The component package as an engine meets it: a process that speaks the plugin protocol."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from jellyfin_ha.lab import toolchain
from jellyfin_ha.lab.toolchain import Toolchain, write_launcher
from jellyfin_ha.operations.progress import silent
from tests.unit.component_summary import GOLDEN, summary

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
YAML_PROGRAM = Path(__file__).parent / "yaml_program"
SECONDS = 120

# How Pulumi's Python host starts a package that is a plugin.
PLUGIN = (sys.executable, "-m", "pulumi.run.plugin", "jellyfin-ha")


@pytest.fixture
def provider() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    process = subprocess.Popen(
        [*PLUGIN, "127.0.0.1:1"], stdout=subprocess.PIPE, cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.kill()
        process.wait(SECONDS)


@pytest.fixture(scope="module")
def engine() -> Toolchain:
    return toolchain.ensure(silent, parts=("engine",))


@pytest.fixture
def environment(engine: Toolchain, tmp_path: Path) -> dict[str, str]:
    """A Pulumi of its own, which finds the package's process by name."""
    plugins = tmp_path / "plugins"
    write_launcher(plugins, Path(sys.executable))
    launcher = plugins / "pulumi-resource-jellyfin-ha"
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {" ".join(PLUGIN)} "$@"\n')
    launcher.chmod(0o755)
    (tmp_path / "state").mkdir()
    variables = engine.environment(Path(sys.executable), plugins)
    # An installed Pulumi fetches its plugins, but this one is nowhere to be fetched.
    return {
        **os.environ,
        **variables,
        "PATH": f"{plugins}:{variables['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "YAML_PROGRAM": str(tmp_path / "Main.yaml"),
        "RENDERED": str(tmp_path / "rendered"),
    }


def pulumi(engine: Toolchain, environment: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [engine.pulumi, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def rendered(folder: Path, kind: str, name: str) -> dict[str, Any]:
    objects = [yaml.safe_load(path.read_text()) for path in folder.rglob("*.yaml")]
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def test_the_process_offers_what_the_golden_file_says(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    answer = provider.GetSchema(provider_pb2.GetSchemaRequest(), timeout=SECONDS)
    assert summary(json.loads(answer.schema)) == GOLDEN.read_text()


def test_pulumi_finds_no_fault_in_the_schema(engine: Toolchain, environment: dict[str, str], tmp_path: Path) -> None:
    launcher = shutil.which("pulumi-resource-jellyfin-ha", path=environment["PATH"])
    assert launcher is not None
    schema = tmp_path / "schema.json"
    schema.write_text(pulumi(engine, environment, tmp_path, "package", "get-schema", launcher))
    pulumi(engine, environment, tmp_path, "schema", "check", str(schema))


def test_the_yaml_program_on_the_page_is_made_through_the_process(
    engine: Toolchain, environment: dict[str, str], tmp_path: Path
) -> None:
    (program,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "components.md").read_text(), flags=re.DOTALL)
    Path(environment["YAML_PROGRAM"]).write_text(program)
    project = tmp_path / "project"
    shutil.copytree(YAML_PROGRAM, project)
    pulumi(engine, environment, project, "stack", "init", "dev")
    pulumi(engine, environment, project, "up", "--yes", "--skip-preview", "--stack", "dev")
    outputs = json.loads(pulumi(engine, environment, project, "stack", "output", "--json", "--stack", "dev"))
    assert outputs == {"service": "server"}
    files = Path(environment["RENDERED"])
    (database,) = rendered(files, "StatefulSet", "database")["spec"]["template"]["spec"]["containers"]
    assert "max_connections=50" in database["args"]
    server = rendered(files, "StatefulSet", "server")["spec"]
    assert server["replicas"] == 1
    assert {claim["spec"]["storageClassName"] for claim in server["volumeClaimTemplates"]} == {"volumes"}
    secrets = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for variable in server["template"]["spec"]["containers"][0]["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert secrets == {"database-credentials"}
