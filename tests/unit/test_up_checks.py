"""What `up` and its hooks refuse before they change anything."""

from __future__ import annotations

import asyncio
import importlib
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
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
from jellyfin_ha.operations.migration import Options
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


def test_a_migration_is_refused_while_servers_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Running:
        @classmethod
        async def connect(cls, _: Access) -> Running:
            return cls()

        async def pods(self, _: object) -> list[PodState]:
            return [PodState(name="jellyfin-0", node="a", ready=True, images=("jellyfin:1",))]

    @asynccontextmanager
    async def database(*_: object, **__: object) -> AsyncGenerator[str]:
        yield "conninfo"

    migrated: list[object] = []
    monkeypatch.setattr(hooks, "Cluster", Running)
    monkeypatch.setattr(hooks, "database", database)
    monkeypatch.setattr(hooks, "read_record", lambda _: None)
    monkeypatch.setattr(hooks, "migrate", lambda *arguments, **_: migrated.append(arguments))
    hook = hooks.migrate_database(
        Access(namespace="home"),
        source=Path("jellyfin.db"),
        options=Options(),
        secret_name="credentials",
        selector={},
        servers={},
    )
    with pytest.raises(UserError, match="found jellyfin-0: stop them"):
        asyncio.run(hook())  # type: ignore[arg-type]
    assert migrated == []


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
