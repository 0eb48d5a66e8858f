"""Reports on previews that a real engine makes of the whole program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from jellyfin_ha.cli import app
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.preview import judge, read_preview, render
from tests.integration.previews import BROKEN, CHANGED, GOLDEN, MOVED, REFUSED, Previews, previews, sample

# A preview takes some seconds, and the toolchain may have to be built.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

RETAINED = {"jellyfin-config", "jellyfin-media", "jellyfin-postgres", "jellyfin"}
CREDENTIALS = {"jellyfin-postgres-credentials", "jellyfin-redis-credentials"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Previews]:
    with previews(tmp_path_factory.mktemp("previews")) as made:
        made.up()
        yield made


def read(stack: Previews, change: Mapping[str, object], folder: Path, *, fails: bool = False) -> Path:
    """A file with the preview of a change."""
    done = stack.preview(change)
    assert (done.returncode != 0) == fails, done.stderr or done.stdout[-2000:]
    path = folder / "preview.json"
    path.write_text(done.stdout)
    return path


def passwords(stack: Previews) -> list[str]:
    state = json.loads(stack.show_state())
    found = [
        resource["outputs"]["result"]
        for resource in state["deployment"]["resources"]
        if resource["type"] == "random:index/randomPassword:RandomPassword"
    ]
    return [json.loads(value["plaintext"]) for value in found]


def shape(value: Any) -> Any:
    """The names and kinds in a preview, without its values."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return type(value).__name__


def test_a_change_is_told_property_by_property_and_no_password_is(stack: Previews, tmp_path: Path) -> None:
    path = read(stack, CHANGED, tmp_path)
    report = render(judge(read_preview(path)))
    assert '! spec.template.spec.containers[0].resources.limits.memory: "256Mi" → "512Mi"' in report
    assert '! data["redis.conf"]: [secret] → [secret]' in report
    assert "another server image stops all servers" in report
    assert "**data loss**" not in report
    found = passwords(stack)
    assert len(found) == 2
    assert not [password for password in found if password in report]


def test_the_sample_previews_have_the_shape_of_todays(stack: Previews) -> None:
    today, kept = (
        {step["urn"]: step for step in content["steps"]}
        for content in (sample(stack.preview(CHANGED).stdout), json.loads((GOLDEN / "changed.json").read_text()))
    )
    urn = next(urn for urn in kept if urn.endswith("StatefulSet::jellyfin-redis"))
    assert shape(today[urn]["detailedDiff"]) == shape(kept[urn]["detailedDiff"])
    assert today[urn].keys() == kept[urn].keys()
    assert today[urn]["newState"].keys() == kept[urn]["newState"].keys()


def test_what_is_protected_is_refused_by_the_engine_and_the_report_says_why(stack: Previews, tmp_path: Path) -> None:
    path = read(stack, REFUSED, tmp_path, fails=True)
    report = render(judge(read_preview(path)))
    assert "currently marked for protection" in report
    assert "- **data loss**: StatefulSet `jellyfin-postgres` is replaced" in report
    assert "- **replaced volume**: StatefulSet `jellyfin-postgres`" in report
    result = CliRunner().invoke(app, ["preview-report", str(path)])
    assert isinstance(result.exception, UserError)
    assert result.exception.exit_code == 1


def test_a_program_that_fails_is_told_with_its_reason(stack: Previews, tmp_path: Path) -> None:
    report = render(judge(read_preview(read(stack, BROKEN, tmp_path, fails=True))))
    assert "Preview of `dev` failed" in report
    assert "jellyfin-ha:server.replicas: found 'two'" in report


def test_a_first_preview_lists_what_is_made_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    with previews(tmp_path_factory.mktemp("first")) as fresh:
        judgement = judge(read_preview(read(fresh, {}, tmp_path)))
    report = render(judgement)
    assert judgement.unacknowledged == []
    assert "**create** StatefulSet `jellyfin-postgres`" in report
    assert "- **image without digest**: StatefulSet `jellyfin-postgres` is created: postgres:17:" in report


def test_a_move_to_another_namespace_is_refused_until_every_loss_is_acknowledged(
    stack: Previews, tmp_path: Path
) -> None:
    stack.unprotect()
    path = read(stack, MOVED, tmp_path)
    assert set(judge(read_preview(path)).unacknowledged) == RETAINED | CREDENTIALS
    stack_file = tmp_path / "Pulumi.dev.yaml"

    def reported(names: list[str]) -> tuple[int, str]:
        content = yaml.safe_load(stack.engine.stack_file("dev").read_text())
        content["config"]["jellyfin-ha:acknowledgeDataLoss"] = names
        stack_file.write_text(yaml.safe_dump(content))
        result = CliRunner().invoke(app, ["preview-report", str(path), "--stack-file", str(stack_file)])
        return result.exit_code, result.output

    code, report = reported(sorted(RETAINED))
    assert code == 1
    assert "Data would be lost" in report
    code, report = reported(sorted(RETAINED | CREDENTIALS))
    assert code == 0
    assert "Data would be lost" not in report
    assert "- **data loss** (acknowledged): Namespace `jellyfin` is deleted" in report
