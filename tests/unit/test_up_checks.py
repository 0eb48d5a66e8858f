"""What `up` and its hooks refuse before they change anything."""

from __future__ import annotations

import asyncio
import importlib
import io
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from jellyfin_ha.cli.checkout import Checkout
from jellyfin_ha.cli.stages import Stages
from jellyfin_ha.cli.up import check_cluster
from jellyfin_ha.infra import hooks
from jellyfin_ha.infra.settings import parse_settings
from jellyfin_ha.lab.instance import Instance
from jellyfin_ha.operations.cluster import Access, PodState
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import MigrationRecord, MigrationResult, Options, Outcome
from tests.unit.test_settings import MINIMAL


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(folder=tmp_path, instance=Instance("test", tmp_path / "state"))


def was_run_in(checkout: Checkout, context: str | None) -> None:
    checkout.pulumi_folder.mkdir(parents=True)
    config = {"kubernetes:context": context} if context else {}
    (checkout.pulumi_folder / "Pulumi.home.yaml").write_text(yaml.safe_dump({"config": config}))


@pytest.mark.parametrize(("before", "now"), [("garage", None), (None, "garage"), ("garage", "attic")])
def test_a_stack_is_not_taken_to_another_cluster(checkout: Checkout, before: str | None, now: str | None) -> None:
    was_run_in(checkout, before)
    with pytest.raises(UserError, match="was last run in") as caught:
        check_cluster(checkout, {}, stack="home", context=now)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("context", [None, "garage"])
def test_a_stack_goes_on_in_its_own_cluster(checkout: Checkout, context: str | None) -> None:
    was_run_in(checkout, context)
    check_cluster(checkout, {}, stack="home", context=context)


def test_a_stack_file_that_names_a_cluster_is_not_run_in_the_lab(checkout: Checkout) -> None:
    with pytest.raises(UserError, match="kubernetes:context") as caught:
        check_cluster(checkout, {"config": {"kubernetes:context": "garage"}}, stack="home", context=None)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("migration", [{"repair": True}, {"done": False}, {"source": "/x", "done": True}])
def test_a_migration_is_to_be_done_or_done(migration: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"either source or done: true, or \{\} for none"):
        parse_settings({**MINIMAL, "migration": migration}, origin="test")


@pytest.mark.parametrize("value", [2, 0.5, "500m"])
def test_processors_may_be_written_as_yaml_writes_numbers(value: object) -> None:
    server = {**MINIMAL["server"], "resources": {"limits": {"cpu": value}}}
    assert parse_settings({**MINIMAL, "server": server}, origin="test").server.resources.limits["cpu"] == str(value)


def test_a_port_of_the_nodes_needs_a_service_that_has_one() -> None:
    server = {**MINIMAL["server"], "service": {"nodePort": 30096}}
    with pytest.raises(UserError, match="nodePort with type NodePort"):
        parse_settings({**MINIMAL, "server": server}, origin="test")


def run_migration_hook(
    monkeypatch: pytest.MonkeyPatch, migrate: Callable[..., object], *, servers: tuple[PodState, ...] = ()
) -> None:
    class FakeCluster:
        @classmethod
        async def connect(cls, _: Access) -> FakeCluster:
            return cls()

        async def pods(self, _: object) -> tuple[PodState, ...]:
            return servers

    @asynccontextmanager
    async def database(*_: object, **__: object) -> AsyncGenerator[str]:
        yield "conninfo"

    monkeypatch.setattr(hooks, "Cluster", FakeCluster)
    monkeypatch.setattr(hooks, "database", database)
    monkeypatch.setattr(hooks, "read_record", lambda _: None)
    monkeypatch.setattr(hooks, "migrate", migrate)
    hook = hooks.migrate_database(
        Access(namespace="home"),
        source=Path("jellyfin.db"),
        options=Options(),
        secret_name="credentials",
        selector={},
        servers={},
    )
    asyncio.run(hook())  # type: ignore[arg-type]


def test_a_migration_is_refused_while_servers_run(monkeypatch: pytest.MonkeyPatch) -> None:
    migrated: list[object] = []
    server = PodState(name="jellyfin-0", node="a", ready=True, ended=False, images=("jellyfin:1",))
    with pytest.raises(UserError, match="found jellyfin-0: stop them"):
        run_migration_hook(monkeypatch, lambda *arguments, **_: migrated.append(arguments), servers=(server,))
    assert migrated == []


def result(outcome: Outcome, *repairs: dict[str, object]) -> MigrationResult:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    report = {
        "rows": {"Users": 2},
        "timestamps_cut_to_microseconds": 0,
        "differences": ["the target has no table X"],
        "repairs": list(repairs),
    }
    record = MigrationRecord(
        source_fingerprint="sha256:0", versions={}, started_at=moment, finished_at=moment, rows=2, report=report
    )
    return MigrationResult(record, outcome)


@pytest.mark.parametrize("outcome", [Outcome.MIGRATED, Outcome.ALREADY_MIGRATED])
def test_a_migration_within_an_update_tells_what_was_repaired_and_where_each_is_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    found = result(outcome, {"rule": "cut"}, {"rule": "cut"})
    run_migration_hook(monkeypatch, lambda *_, **__: found)
    said = capsys.readouterr().out
    assert found.summary() in said
    assert "kubectl -n home exec statefulset/jellyfin-postgres -- psql" in said
    if outcome is Outcome.MIGRATED:
        assert "2 repaired by the rule 'cut'" in said
        assert "the target has no table X" in said


def test_one_that_repaired_nothing_has_said_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = result(Outcome.MIGRATED)
    run_migration_hook(monkeypatch, lambda *_, **__: found)
    assert capsys.readouterr().out == f"{found.summary()}\n"


def test_the_page_reads_the_repairs_as_the_update_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "migration.md").read_text()
    page = re.sub(r" \\\n +", " ", page)
    assert hooks.READ_REPAIRS.format(namespace="jellyfin") in page


@pytest.mark.parametrize(("replicas", "waits"), [(0, []), (2, [2])])
def test_up_waits_for_the_servers_that_are_wanted(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, replicas: int, waits: list[int]
) -> None:
    class Pulumi:
        def prepare(self, stack: str, content: object) -> None: ...

        def up(self, stack: str) -> None: ...

        def changes(self, stack: str) -> dict[str, int]:
            return {}

    waited: list[int] = []

    async def wait_until_serving(access: Access, selector: object, replicas: int, *_: object, **__: object) -> None:
        waited.append(replicas)

    # The package's attribute of this name is the command.
    up = importlib.import_module("jellyfin_ha.cli.up")
    monkeypatch.setattr(up, "engine_of", lambda *_: Pulumi())
    monkeypatch.setattr(up, "_existing", lambda *_: (None, {"kubernetes:context": "garage"}))
    monkeypatch.setattr(up, "wait_until_serving", wait_until_serving)
    settings = {**MINIMAL, "server": {**MINIMAL["server"], "replicas": replicas}}
    content = {"config": {f"jellyfin-ha:{key}": value for key, value in settings.items()}}
    (checkout.folder / "Pulumi.home.yaml").write_text(yaml.safe_dump(content))
    up.bring_up(checkout, Stages(Console(file=io.StringIO())), stack="home", context="garage")
    assert waited == waits
