"""examples/consumer: a real engine, a real stack reference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.engines import ROOT, Engine

pytestmark = pytest.mark.integration

OUTPUTS: dict[str, Any] = {
    "contract_version": 1,
    "url": "http://films.home",
    "namespace": "films",
    "service": {"name": "jellyfin", "port": 8096},
    "selectors": {"server": {"app": "jellyfin", "part": "web"}, "database": {}, "lease_store": {}},
    "secrets": {"database": "a", "lease_store": "b"},
    "volumes": {"config": "c", "media": "d"},
    "mode": "active-active",
    "images": {"server": "e", "database": "f", "lease_store": "g"},
}
PROGRAM = """\
import json
from pathlib import Path
import pulumi

for name, value in json.loads(Path("outputs.json").read_text()).items():
    pulumi.export(name, value)
"""


class Home:
    """A Jellyfin stack that is only its outputs, and the example beside it."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine.below(folder)
        self.server = folder / "server"
        self.server.mkdir()
        (self.server / "Pulumi.yaml").write_text("name: jellyfin-ha\nruntime: python\n")
        (self.server / "__main__.py").write_text(PROGRAM)
        self.engine.ok(self.server, "stack", "init", "dev")
        self.consumer = folder / "consumer"
        shutil.copytree(ROOT / "examples" / "consumer", self.consumer)
        self.engine.ok(self.consumer, "stack", "init", "home")
        settings = {"kubernetes:renderYamlToDirectory": str(self.engine.rendered)}
        (self.consumer / "Pulumi.home.yaml").write_text(yaml.safe_dump({"config": settings}))

    def deploy_server(self, outputs: dict[str, Any]) -> None:
        (self.server / "outputs.json").write_text(json.dumps(outputs))
        self.engine.ok(self.server, "up", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def test_a_tile_follows_the_stack_that_it_shows(home: Home) -> None:
    for namespace in ("films", "cinema"):
        home.deploy_server({**OUTPUTS, "namespace": namespace})
        home.engine.ok(home.consumer, "up", "--yes", "--skip-preview")
        content = home.engine.asked_for("ConfigMap", "homepage-services")["data"]["services.yaml"]
        assert yaml.safe_load(content) == [
            {
                "Media": [
                    {
                        "Jellyfin": {
                            "href": "http://films.home",
                            "icon": "jellyfin.png",
                            "siteMonitor": f"http://jellyfin.{namespace}.svc:8096/health",
                            "namespace": namespace,
                            "app": "jellyfin",
                            "podSelector": "app=jellyfin,part=web",
                        }
                    }
                ]
            }
        ]
    again = home.engine.ok(home.consumer, "preview", "--expect-no-changes")
    assert "unchanged" in again


def test_a_stack_of_another_contract_fails_the_preview_and_is_named(home: Home) -> None:
    home.deploy_server({**OUTPUTS, "contract_version": 2})
    preview = home.engine.run(home.consumer, "preview")
    assert preview.returncode != 0
    assert "organization/jellyfin-ha/dev: expected outputs of contract version 1, found 2" in preview.stdout
