"""The whole move of a single server: its folder is adopted, its database migrated, and its clients notice nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from jellyfin_ha.cli import app
from jellyfin_ha.components.server_config import Declared
from jellyfin_ha.components.server_config.declared import XmlFile
from jellyfin_ha.components.server_config.prepare import prepare
from jellyfin_ha.lab.library.history import ALICE_STOPPED_AT
from jellyfin_ha.lab.library.values import sample_token
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import migrate
from tests.integration.mediaserver_processes import network_xml, sample_library, serving
from tests.integration.processes import free_port
from tests.unit.old_server import SERVER_ID, make, state

pytestmark = pytest.mark.integration

TICKS_PER_SECOND = 10_000_000


@dataclass(frozen=True)
class Household:
    """The old server's folder, the one that a new server has run on, and its database."""

    old: Path
    old_port: int
    new: Path
    new_id: str
    database: str

    @property
    def volume(self) -> Path:
        """What is behind the new servers' /config."""
        return self.new / "config"


@pytest.fixture
def household(postgres: str, tmp_path: Path) -> Household:
    """Once a new server has made its schema, was left alone, and stopped."""
    old_port, new_port = free_port(), free_port()
    old = make(tmp_path / "old", more={"config/network.xml": network_xml(old_port)})
    shutil.copyfile(sample_library().database, old / "data" / "jellyfin.db")
    new = tmp_path / "new"
    (new / "config" / "config").mkdir(parents=True)
    # The port is all that a test must choose; the server writes the rest.
    (new / "config" / "config" / "network.xml").write_text(network_xml(new_port))
    with serving(postgres, new, new_port) as server:
        info = _ask(server.url, "/System/Info/Public")
        assert info["StartupWizardCompleted"] is False
    return Household(old, old_port, new, info["Id"], postgres)


def _ask(url: str, path: str, token: str | None = None) -> Any:
    client = 'MediaBrowser Client="Jellyfin Android TV", Device="Television", DeviceId="sample-tv", Version="0.19.4"'
    headers = {"Authorization": f'{client}, Token="{token}"'} if token else {}
    answer = httpx.get(url + path, headers=headers, timeout=30)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()


def _adopt(household: Household, *options: str) -> Result:
    media = f"/media={sample_library().media}"
    arguments = ["--from", str(household.old), "--to", str(household.volume), "--media", media, "--owner", "keep"]
    return CliRunner().invoke(app, ["adopt", *arguments, *options])


def _close_wizard(household: Household) -> None:
    """What the pods do at their start when the stack has a migration."""
    system = XmlFile("ServerConfiguration", {"IsStartupWizardCompleted": "true"})
    prepare(
        household.volume,
        household.new / "own",
        Declared(xml={"config/system.xml": system}, texts={}, own={}),
        say=lambda _: None,
    )


def test_a_household_that_moves_in_keeps_its_server_its_log_ins_and_its_places(household: Household) -> None:
    assert household.new_id != SERVER_ID
    before = state(household.volume)
    assert _adopt(household, "--dry-run").exit_code == 0
    assert state(household.volume) == before

    adopted = _adopt(household)
    assert adopted.exit_code == 0, adopted.output
    aside = household.volume / f"before-adoption-{household.new_id}"
    assert (aside / "data" / "device.txt").read_text() == household.new_id
    assert "IsStartupWizardCompleted>false" in (aside / "config" / "system.xml").read_text()

    assert migrate(household.old / "data" / "jellyfin.db", household.database).rows > 100
    _close_wizard(household)

    with serving(household.database, household.new, household.old_port) as server:
        public = _ask(server.url, "/System/Info/Public")
        assert (public["Id"], public["ServerName"], public["StartupWizardCompleted"]) == (SERVER_ID, "attic", True)
        token = sample_token("sample-tv")
        assert _ask(server.url, "/Users/Me", token)["Name"] == "alice"
        resumed = {item["Name"]: item["UserData"] for item in _ask(server.url, "/UserItems/Resume", token)["Items"]}
        assert resumed["Test Card"]["PlaybackPositionTicks"] // TICKS_PER_SECOND == ALICE_STOPPED_AT
        libraries = _ask(server.url, "/UserViews", token)["Items"]
        assert [library["Name"] for library in libraries] == ["Movies", "Shows"]
    assert _adopt(household).exit_code == 0, "the new server has changed nothing that was adopted"


def test_a_new_server_that_a_migration_has_given_users_is_not_set_aside(household: Household) -> None:
    migrate(household.old / "data" / "jellyfin.db", household.database)
    _close_wizard(household)
    before = state(household.volume)
    refused = _adopt(household)
    assert isinstance(refused.exception, UserError)
    assert household.new_id in str(refused.exception)
    assert state(household.volume) == before
