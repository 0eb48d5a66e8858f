"""Fixtures that give tests real servers: one PostgreSQL a run, a fresh database a test, any Redis."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from jellyfin_ha.operations.migration import migrate
from tests.integration.forks import Tell, forked
from tests.integration.migration_library import Library, make_fresh, make_library
from tests.integration.moments import Activity, Phase
from tests.integration.processes import PostgresServer, RedisServer, running_postgres, running_redis

SEED = "JELLYFIN_HA_TEST_SEED"


class RedisFactory(Protocol):
    """Starts a Redis; see `running_redis` for the arguments."""

    def __call__(self, *, password: str | None = "", settings: Mapping[str, str] | None = None) -> RedisServer: ...


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The conninfo (superuser) of a fresh, empty database of its own."""
    with postgres_server.database() as name:
        yield postgres_server.conninfo(name)


@pytest.fixture
def redis_server() -> Iterator[RedisFactory]:
    """Starts Redis servers, fit for leases unless told otherwise; all end with the test."""
    with ExitStack() as running:

        def start(*, password: str | None = "", settings: Mapping[str, str] | None = None) -> RedisServer:
            return running.enter_context(running_redis(password=password, settings=settings))

        yield start


@dataclass(frozen=True)
class ServerTemplate:
    """A database as a new server leaves it, to be copied, and the plain role that owns it."""

    name: str
    role: str
    password: str


@pytest.fixture(scope="session")
def new_server(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerTemplate]:
    """What the reference server writes on its first start, made once."""
    with (
        postgres_server.role() as (role, password),
        postgres_server.database(owner=role) as name,
    ):
        conninfo = postgres_server.conninfo(name, user=role, password=password)
        make_fresh(conninfo, tmp_path_factory.mktemp("new-server"))
        yield ServerTemplate(name, role, password)


@pytest.fixture
def target(postgres_server: PostgresServer, new_server: ServerTemplate) -> Iterator[str]:
    """The conninfo of a fresh server's database, as its owner, who is no superuser."""
    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        yield postgres_server.conninfo(name, user=new_server.role, password=new_server.password)


@pytest.fixture
def second_target(postgres_server: PostgresServer, new_server: ServerTemplate) -> Iterator[str]:
    """Another one like `target`."""
    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        yield postgres_server.conninfo(name, user=new_server.role, password=new_server.password)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library with every table, column and form of value."""
    folder = tmp_path / "old"
    folder.mkdir()
    return make_library(folder / "jellyfin.db")


@pytest.fixture
def chance() -> random.Random:
    """Chance that can be had again: pytest shows the seed of a failed test."""
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(1 << 32))
    print(f"{SEED}={seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def askings(
    postgres_server: PostgresServer, new_server: ServerTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Counter[Phase]:
    """How many times a migration of `library` asks PostgreSQL in each phase."""
    folder = tmp_path_factory.mktemp("askings")
    library = make_library(folder / "jellyfin.db")

    def work(tell: Tell) -> None:
        activity = Activity(lambda _: None)
        migrate(library.path, conninfo, progress=activity.progress)
        for phase in Phase:
            tell(str(activity.counts[phase]))

    with postgres_server.database(owner=new_server.role, template=new_server.name) as name:
        conninfo = postgres_server.conninfo(name, user=new_server.role, password=new_server.password)
        with forked(work, folder / "output") as child:
            found = Counter({phase: int(child.line() or 0) for phase in Phase})
            assert child.wait() == 0, child.words()
    return found
