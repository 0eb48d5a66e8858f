"""What the pages say is true of the code."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel
from typer.testing import CliRunner

from jellyfin_ha.cli import app
from jellyfin_ha.components.gpu import DraGpu, encoding_options
from jellyfin_ha.components.server_images import FLAVORS
from jellyfin_ha.infra.configuration import settings_of
from jellyfin_ha.infra.settings import Server, Settings, parse_settings
from tests.unit.test_settings import MINIMAL

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key that a stack file may hold, without what it stands below."""
    for field in model.model_fields.values():
        yield str(field.alias)
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from keys(part)


def words(pattern: str) -> set[str]:
    return {found for page in PAGES for found in re.findall(pattern, page.read_text(), flags=re.MULTILINE)}


def test_every_setting_has_its_place_on_the_page() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert [key for key in keys(Settings) if not re.search(rf"\b{key}\b", page)] == []


def test_every_flavor_is_described_as_it_is() -> None:
    page = (ROOT / "docs" / "server.md").read_text()
    rows = {row[0].strip("`"): row for row in re.findall(r"^" + r"\| ([^|]+) " * 7 + r"\|$", page, flags=re.MULTILINE)}
    for flavor in FLAVORS.values():
        _, _, database, redis, takes_over, elects, servers = rows[flavor.name]
        assert ("PostgreSQL" in database, servers) == (flavor.postgres, "several" if flavor.postgres else "1")
        assert ("plugin" in database) == (flavor.plugin_folder is not None)
        assert redis == ("records transcodes" if flavor.stores_transcodes else "none")
        assert (takes_over, elects) == tuple("yes" if able else "no" for able in (flavor.takes_over, flavor.elects))
    assert set(FLAVORS) == set(get_args(Server.model_fields["flavor"].annotation))


def test_the_example_for_a_cluster_of_ones_own_can_be_used() -> None:
    page = (ROOT / "docs" / "existing-cluster.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    content: dict[str, Any] = yaml.safe_load(example)
    assert settings_of(content, origin="the example").storage.media.nfs is not None


def test_the_examples_of_a_gpu_can_be_used() -> None:
    page = (ROOT / "docs" / "gpu.md").read_text()
    for example in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL):
        content: dict[str, Any] = yaml.safe_load(example)
        server: dict[str, Any] = content.get("config", {}).get("jellyfin-ha:server", content)
        values = {**MINIMAL, "server": {**MINIMAL["server"], **server}}
        assert parse_settings(values, origin="the example").server.gpu is not None


@pytest.mark.parametrize("column", ["`qsv`", "`vaapi`", "`nvenc`", "no GPU"])
def test_the_table_of_a_gpu_is_what_jellyfin_is_told(column: str) -> None:
    page = (ROOT / "docs" / "gpu.md").read_text()
    (table,) = re.findall(r"^(\| `encoding\.xml`(?:.*\n)+?)\n", page, flags=re.MULTILINE)
    head, _, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()]
    at = head.index(column)
    # The element is the first cell's first word; what follows explains it.
    said = {row[0].split("`")[1]: row[at] for row in rows if row[at]}
    dra: DraGpu = {"device_class": "x", "acceleration": column.strip("`"), "render_device": "`renderDevice`"}
    assert said == encoding_options(None if column == "no GPU" else {"dra": dra})


@pytest.mark.parametrize("target", sorted(words(r"\bmake (up|down|purge|test|bench|lint)\b")))
def test_every_make_command_on_the_pages_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize(
    "command", sorted(words(r"\bjellyfin-ha ((?:lab |leases |settings )?(?:node )?[a-z]+(?:-[a-z]+)*)\b"))
)
def test_every_command_on_the_pages_is_there(command: str) -> None:
    assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).is_file(), f"{page.name}: {target}"


def test_make_hands_context_and_stack_to_the_command() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--assume-old=.venv/installed", "up", "CONTEXT=home-k3s", "STACK=home"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "jellyfin-ha up --stack home --context home-k3s" in done.stdout
