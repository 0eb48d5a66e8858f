"""Another version of the server: nobody is served for a moment, and nothing is lost, whatever happens."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Stack
from tests.e2e.own_stack import OwnStack, at_node_port, own_stack
from tests.e2e.versions import later_version
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

NODE_PORT = 30197
NEXT, BROKEN, LAST = "20270101000000_Next", "20270201000000_Broken", "20270301000000_Last"
STEP_SECONDS = 120.0
DUMPS = "/var/lib/postgresql/data/upgrades"


@pytest.fixture(scope="module")
def versions(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    def image(name: str, migration: str, **more: str) -> str:
        environment = {"JELLYFIN_HA_REFERENCE_MIGRATION": migration, **more}
        return later_version(stack, tmp_path_factory.mktemp(name), name, environment)

    return {
        "next": image("next", NEXT),
        "broken": image("broken", BROKEN, JELLYFIN_HA_REFERENCE_MIGRATION_FAILS="1"),
        "last": image("last", LAST),
    }


@pytest.fixture(scope="module")
def house(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    folder = tmp_path_factory.mktemp("house")
    with own_stack(stack, folder, "upgraded", server=at_node_port(stack, NODE_PORT)) as house:
        house.up()
        ask(house, """INSERT INTO "DeviceOptions" ("DeviceId", "CustomName") VALUES ('tv', 'Living room')""")
        yield house


def use(house: OwnStack, image: str) -> None:
    house.write(server=house.settings["server"] | {"image": image})


def ask(house: OwnStack, query: str) -> str:
    psql = ("psql", "-U", "jellyfin", "-d", "jellyfin", "-Atc", query)
    return house.kubectl("exec", "jellyfin-postgres-0", "--", *psql).strip()


def history(house: OwnStack) -> set[str]:
    return set(ask(house, 'SELECT "MigrationId" FROM "__EFMigrationsHistory"').splitlines())


def running(house: OwnStack) -> list[tuple[str, bool]]:
    status = house.status()
    return [(status["versions"]["server"], replica["ready"]) for replica in status["replicas"]]


def test_a_version_whose_migration_fails_leaves_the_old_one_serving_what_it_had(
    house: OwnStack, versions: dict[str, str]
) -> None:
    old = house.settings["server"]["image"]
    rows = ask(house, 'SELECT count(*) FROM "ActivityLogs"')
    use(house, versions["broken"])
    failed = house.try_up()
    assert failed.returncode == 1
    said = failed.stdout + failed.stderr
    assert "the database is put back as it was" in said
    assert f"{old} is started again" in said
    wait_until(lambda: running(house) == [(old, True)] * 2, seconds=STEP_SECONDS, what="the old version serving")
    assert int(rows) > 0
    assert ask(house, 'SELECT count(*) FROM "ActivityLogs"') >= rows
    assert "LaterVersion" not in ask(house, "SELECT column_name FROM information_schema.columns")
    use(house, old)
    house.up()
    assert running(house) == [(old, True)] * 2


def test_a_new_version_migrates_alone_and_serves_all_there_was(house: OwnStack, versions: dict[str, str]) -> None:
    use(house, versions["next"])
    said = house.up()
    assert "nobody is served until the new servers are ready" in said
    assert "all servers are stopped" in said
    assert "s without a server" in said
    assert running(house) == [(versions["next"], True)] * 2
    assert NEXT in history(house)
    assert ask(house, """SELECT "CustomName" FROM "DeviceOptions" WHERE "DeviceId" = 'tv'""") == "Living room"
    assert "changes      none" in house.up()


def test_an_older_version_is_refused_before_anybody_loses_their_server(
    house: OwnStack, versions: dict[str, str], stack: Stack
) -> None:
    before = house.kubectl("get", "pods", "--selector=app.kubernetes.io/component=web", "--output=name")
    use(house, json.loads(stack.pulumi("stack", "output", "--json"))["images"]["server"])
    refused = house.try_up()
    assert refused.returncode == 1
    assert NEXT in refused.stdout + refused.stderr
    assert running(house) == [(versions["next"], True)] * 2
    assert house.kubectl("get", "pods", "--selector=app.kubernetes.io/component=web", "--output=name") == before


def test_an_upgrade_that_was_killed_is_gone_on_with(house: OwnStack, versions: dict[str, str]) -> None:
    use(house, versions["last"])
    update = house.command.start(*house.arguments, environment=house.environment)
    images = ("--output=jsonpath={.items[*].spec.initContainers[*].image}",)
    upgrading = "--selector=app.kubernetes.io/component=schema-upgrade"
    wait_until(
        lambda: versions["last"] in house.kubectl("get", "pods", upgrading, *images),
        seconds=STEP_SECONDS,
        what="the new version migrating",
    )
    for child in Path(f"/proc/{update.pid}/task/{update.pid}/children").read_text().split():
        if Path(f"/proc/{child}/comm").read_text().strip() == "pulumi":
            os.kill(int(child), signal.SIGKILL)
    update.wait(timeout=STEP_SECONDS)
    said = house.up()
    assert "an upgrade was cut short" in said
    assert running(house) == [(versions["last"], True)] * 2
    assert {NEXT, LAST} <= history(house)
    assert ask(house, """SELECT "CustomName" FROM "DeviceOptions" WHERE "DeviceId" = 'tv'""") == "Living room"


def test_the_documented_way_back_to_the_version_before(house: OwnStack, versions: dict[str, str]) -> None:
    page = (ROOT / "docs/upgrades.md").read_text()
    scale, *steps = re.findall(r"^    (kubectl .*)$", page, flags=re.MULTILINE)
    dump = house.kubectl("exec", "jellyfin-postgres-0", "--", "ls", "-t", DUMPS).split()[0]

    def follow(step: str) -> str:
        words = shlex.split(step.replace("20261125T130000Z.dump", dump))
        assert words[:3] == ["kubectl", "-n", "jellyfin"]
        return house.kubectl(*words[3:])

    follow(scale)
    wait_until(lambda: running(house) == [], seconds=STEP_SECONDS, what="all servers having stopped")
    assert dump in "".join(follow(step) for step in steps)
    use(house, versions["next"])
    house.up()
    assert running(house) == [(versions["next"], True)] * 2
    assert LAST not in history(house)
