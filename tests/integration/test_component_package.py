"""The component package as an engine meets it: a process that speaks the plugin protocol."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.integration.engines import PLUGIN, ROOT, SECONDS, Engine
from tests.unit.component_summary import GOLDEN, summary

pytestmark = pytest.mark.integration

YAML_PROGRAM = Path(__file__).parent / "yaml_program"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine.below(tmp_path)


@pytest.fixture
def provider(engine: Engine) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    process = subprocess.Popen([*PLUGIN, "127.0.0.1:1"], stdout=subprocess.PIPE, cwd="/", env=engine.environment)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.kill()
        process.wait(SECONDS)


def test_the_process_offers_what_the_golden_file_says(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    answer = provider.GetSchema(provider_pb2.GetSchemaRequest(), timeout=SECONDS)
    assert summary(json.loads(answer.schema)) == GOLDEN.read_text()


def test_pulumi_finds_no_fault_in_the_schema(engine: Engine, tmp_path: Path) -> None:
    launcher = shutil.which("pulumi-resource-jellyfin-ha", path=engine.environment["PATH"])
    assert launcher is not None
    schema = tmp_path / "schema.json"
    schema.write_text(engine.ok(tmp_path, "package", "get-schema", launcher))
    engine.ok(tmp_path, "schema", "check", str(schema))


def test_the_yaml_program_on_the_page_is_made_through_the_process(engine: Engine, tmp_path: Path) -> None:
    (program,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "components.md").read_text(), flags=re.DOTALL)
    project = tmp_path / "project"
    shutil.copytree(YAML_PROGRAM, project)
    (project / "Main.yaml").write_text(program)
    engine.environment["RENDERED"] = str(engine.rendered)
    engine.ok(project, "stack", "init", "dev")
    engine.ok(project, "up", "--yes", "--skip-preview")
    assert json.loads(engine.ok(project, "stack", "output", "--json")) == {"service": "server"}
    (database,) = engine.asked_for("StatefulSet", "database")["spec"]["template"]["spec"]["containers"]
    assert "max_connections=50" in database["args"]
    server = engine.asked_for("StatefulSet", "server")["spec"]
    assert server["replicas"] == 1
    assert {claim["spec"]["storageClassName"] for claim in server["volumeClaimTemplates"]} == {"volumes"}
    secrets = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for variable in server["template"]["spec"]["containers"][0]["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert secrets == {"database-credentials"}
