"""What `up` says at its end, and that it is so."""

from __future__ import annotations

import io
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from jellyfin_ha.cli import summary
from jellyfin_ha.cli.checkout import Checkout
from jellyfin_ha.cli.stages import Stages
from jellyfin_ha.cli.up import Started
from jellyfin_ha.infra.settings import parse_settings
from jellyfin_ha.lab.instance import Instance
from jellyfin_ha.lab.library import SAMPLE_USERS, SampleLibrary
from jellyfin_ha.operations.migration import MigrationRecord, check_source
from jellyfin_ha.operations.status import DeploymentStatus
from tests.unit.test_settings import MINIMAL


@pytest.fixture
def sample(tmp_path: Path) -> SampleLibrary:
    path = tmp_path / "jellyfin.db"
    with sqlite3.connect(path) as database:
        for table in ("BaseItems", "Users", "__EFMigrationsHistory"):
            database.execute(f'CREATE TABLE "{table}" (Id TEXT)')
    return SampleLibrary(media=tmp_path, database=path, users=SAMPLE_USERS)


def migrated(fingerprint: str) -> MigrationRecord:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return MigrationRecord(
        source_fingerprint=fingerprint, versions={}, started_at=moment, finished_at=moment, rows=3, report={}
    )


def printed(
    monkeypatch: pytest.MonkeyPatch,
    sample: SampleLibrary | None,
    record: MigrationRecord | None,
    replicas: int = 2,
    stack: str = "dev",
    context: str | None = None,
) -> str:
    status = DeploymentStatus(
        servers=(), database_ready=True, lease_store_ready=True, migration=record, leases=None, images={}
    )
    monkeypatch.setattr(summary, "deployment_status", lambda *_, **__: status)
    console = Console(file=io.StringIO(), width=200)
    settings = parse_settings({**MINIMAL, "server": {**MINIMAL["server"], "replicas": replicas}}, origin="test")
    started = Started(settings=settings, changes={"same": 3}, sample=sample, context=context)
    checkout = Checkout(folder=Path(), instance=Instance("test", Path()))
    summary.show_summary(console, checkout, Stages(console), started, stack=stack)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_samples_users_are_named_when_the_database_was_filled_from_it(
    monkeypatch: pytest.MonkeyPatch, sample: SampleLibrary
) -> None:
    said = printed(monkeypatch, sample, migrated(check_source(sample.database)))
    assert "user         alice, password alice-sample" in said
    assert "user         bob, password bob-sample" in said


@pytest.mark.parametrize("record", [None, migrated("sha256:" + 64 * "0")], ids=["from nothing", "from another file"])
def test_they_are_not_when_it_was_filled_from(
    monkeypatch: pytest.MonkeyPatch, sample: SampleLibrary, record: MigrationRecord | None
) -> None:
    assert "alice" not in printed(monkeypatch, sample, record)


def test_a_cluster_of_ones_own_has_no_sample(monkeypatch: pytest.MonkeyPatch, sample: SampleLibrary) -> None:
    assert "alice" not in printed(monkeypatch, None, migrated(check_source(sample.database)))


@pytest.mark.parametrize("replicas", [0, 2])
def test_without_servers_it_says_how_many_there_should_be(monkeypatch: pytest.MonkeyPatch, replicas: int) -> None:
    said = printed(monkeypatch, None, None, replicas)
    assert f"servers      none, server.replicas is {replicas}" in said
    assert ("delete pod" in said) is (replicas > 0)


def test_what_to_try_in_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(monkeypatch, None, None)
    assert said[said.index("try next") :].splitlines() == [
        "try next:",
        "  jellyfin-ha status                     what runs where, now",
        '  eval "$(jellyfin-ha lab env)"          kubectl and pulumi of this lab in your shell',
        "  kubectl -n jellyfin delete pod jellyfin-0",
        "  make up                                again: nothing changes",
        "  make down | make purge                 stop and keep the data | remove everything",
    ]


def test_what_to_try_in_a_cluster_of_ones_own_is_done_there(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(monkeypatch, None, None, stack="home", context="garage k3s")
    assert said[said.index("try next") :].splitlines() == [
        "try next:",
        "  jellyfin-ha status --stack home        what runs where, now",
        "  kubectl --context 'garage k3s' -n jellyfin delete pod jellyfin-0",
        "  make up STACK=home CONTEXT='garage k3s' again: nothing changes",
    ]
