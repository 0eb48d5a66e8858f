"""The connection or PostgreSQL itself is lost on the way: the target is as it was, and the words say so."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import migrate, read_record
from jellyfin_ha.operations.migration import session as session_module
from jellyfin_ha.operations.migration import verify as verify_module
from jellyfin_ha.operations.migration.record import CREATE
from jellyfin_ha.operations.migration.reverse import reverse
from jellyfin_ha.operations.migration.reverse import run as way_back
from jellyfin_ha.operations.migration.session import connect
from jellyfin_ha.operations.progress import Progress
from tests.integration.migration_library import (
    Library,
    make_fresh,
    make_library,
    run,
    slow_commit,
    state,
    wait_for_commit,
    wait_until_alone,
)
from tests.integration.processes import PostgresServer, running_postgres
from tests.integration.proxy import silent_proxy

pytestmark = pytest.mark.integration

# A message of the progress, and which of those that begin so.
STAGES = [
    ("copying AccessSchedules", 1),
    ("copying UserData", 2),
    ("indexing BaseItems", 1),
    ("checking foreign keys", 1),
    ("verifying BaseItems", 1),
    ("verifying Users", 2),
    ("committing", 1),
]
ONE_OF_EACH_PHASE = [STAGES[1], STAGES[3], STAGES[5], STAGES[6]]
SILENCE_SECONDS = 2
# What the tool may take to end a connection that is silent, everything else included.
NOTICED_SECONDS = 15.0


def at(stage: tuple[str, int], happen: Callable[[], None]) -> Progress:
    """A progress at one of whose messages something happens."""
    left = [stage[1]]

    def progress(message: str, fraction: float | None = None, /) -> None:
        if message.startswith(stage[0]):
            left[0] -= 1
            if left[0] == 0:
                happen()

    return progress


def ends_unhappily(work: Callable[[], object]) -> str:
    """The words of a failure in which nothing was lost."""
    with pytest.raises(UserError) as failure:
        work()
    assert failure.value.exit_code == 1
    return str(failure.value)


def cut(server: PostgresServer, target: str) -> None:
    """End the tool's session."""
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name = 'jellyfin-ha'",
            (conninfo_to_dict(target)["dbname"],),
        ).fetchall()
    assert ended == [(True,)]
    wait_until_alone(target)


@pytest.mark.parametrize("stage", STAGES, ids=str)
def test_a_connection_that_is_ended_leaves_the_target_as_it_was(
    stage: tuple[str, int], library: Library, target: str, postgres_server: PostgresServer
) -> None:
    before = state(target)
    progress = at(stage, lambda: cut(postgres_server, target))

    words = ends_unhappily(lambda: migrate(library.path, target, progress=progress))

    assert "the connection to the target was lost" in words
    assert ("Nothing was changed" in words) is (stage[0] != "committing"), words
    assert ("run the migration again, it tells" in words) is (stage[0] == "committing"), words
    assert state(target) == before
    assert not migrate(library.path, target).already_migrated


def test_a_connection_that_is_ended_during_the_commit_may_have_changed_all(
    library: Library, target: str, postgres_server: PostgresServer
) -> None:
    run(target, CREATE, slow_commit(seconds=5))
    before = state(target)

    def cut_the_commit() -> None:
        wait_for_commit(target)
        cut(postgres_server, target)

    cutting = threading.Thread(target=cut_the_commit)
    words = ends_unhappily(lambda: migrate(library.path, target, progress=at(("committing", 1), cutting.start)))
    cutting.join()

    assert "when only the answer to the commit was lost, complete: run the migration again, it tells" in words
    assert state(target) == before


def test_a_connection_that_is_gone_at_the_end_is_no_success(target: str) -> None:
    def lose() -> None:
        with connect(target) as connection:
            connection.execute('DELETE FROM public."Users"')
            connection.close()

    assert "lost during the commit" in ends_unhappily(lose)


@contextmanager
def proxied(target: str) -> Generator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """The target behind a proxy, and what makes the proxy silent, and what ends it."""
    with silent_proxy(int(str(conninfo_to_dict(target)["port"]))) as proxy:
        yield make_conninfo(target, port=proxy.port), proxy.fall_silent, proxy.close


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed soon."""
    monkeypatch.setattr(session_module, "SILENCE_SECONDS", SILENCE_SECONDS)


@pytest.mark.parametrize("stage", ONE_OF_EACH_PHASE, ids=str)
@pytest.mark.usefixtures("impatient")
def test_a_proxy_that_passes_nothing_any_more_does_not_hold_the_tool_up(
    stage: tuple[str, int], library: Library, target: str
) -> None:
    before = state(target)
    with proxied(target) as (through, fall_silent, end):
        started = time.monotonic()
        words = ends_unhappily(lambda: migrate(library.path, through, progress=at(stage, fall_silent)))
        assert time.monotonic() - started < NOTICED_SECONDS
        end()
    assert f"nothing was heard from the target for {SILENCE_SECONDS} s" in words
    assert ("run the migration again, it tells" in words) is (stage[0] == "committing"), words
    wait_until_alone(target)
    assert state(target) == before


@pytest.mark.usefixtures("impatient")
def test_the_way_back_ends_too_when_a_proxy_passes_nothing_any_more(
    library: Library, target: str, tmp_path: Path
) -> None:
    migrate(library.path, target)
    (tmp_path / "new").mkdir()
    with proxied(target) as (through, fall_silent, _):
        words = ends_unhappily(
            lambda: reverse(
                through, tmp_path / "new" / "back.db", library.path, progress=at(("writing UserData", 1), fall_silent)
            )
        )
    assert f"nothing was heard from the target for {SILENCE_SECONDS} s" in words
    assert list((tmp_path / "new").iterdir()) == []


def test_a_slow_answer_is_waited_for_while_the_server_answers_others(
    library: Library, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "SILENCE_SECONDS", 4)
    run(target, CREATE, slow_commit(seconds=6))
    assert not migrate(library.path, target).already_migrated
    assert read_record(target) is not None


@pytest.mark.usefixtures("impatient")
def test_a_network_that_loses_everything_holds_up_neither_side(
    library: Library, target: str, postgres_server: PostgresServer
) -> None:
    """Else the server would keep the tables locked for two hours, and every other server out."""
    before = state(target)
    port = str(postgres_server.port)
    sessions: list[str] = []

    def rules(change: str) -> None:
        for ports in (("--sport", sessions[0], "--dport", port), ("--sport", port, "--dport", sessions[0])):
            subprocess.run(
                ["iptables", "-w", change, "INPUT", "-i", "lo", "-p", "tcp", *ports, "-j", "DROP"],
                check=True,
                timeout=10,
            )

    def lose_everything() -> None:
        with psycopg.connect(postgres_server.conninfo(), autocommit=True) as admin:
            found = admin.execute(
                "SELECT client_port::text FROM pg_stat_activity"
                " WHERE datname = %s AND application_name = 'jellyfin-ha'",
                (conninfo_to_dict(target)["dbname"],),
            ).fetchone()
        assert found
        sessions.append(str(found[0]))
        rules("-I")

    try:
        started = time.monotonic()
        words = ends_unhappily(
            lambda: migrate(library.path, target, progress=at(("copying UserData", 2), lose_everything))
        )
        assert time.monotonic() - started < NOTICED_SECONDS
        wait_until_alone(target)
    finally:
        rules("-D")
    assert "the connection to the target was lost" in words
    assert state(target) == before


def test_a_server_killed_during_the_copy_comes_up_as_it_was(library: Library, tmp_path: Path) -> None:
    with running_postgres() as server, server.role() as (role, password), server.database(owner=role) as name:
        target = server.conninfo(name, user=role, password=password)
        make_fresh(target, tmp_path)
        # Of a server that has run for some minutes; else its sequences would skip numbers, as after any crash.
        run(server.conninfo(name), "CHECKPOINT")
        before = state(target)

        words = ends_unhappily(
            lambda: migrate(library.path, target, progress=at(("copying UserData", 2), server.crash))
        )
        server.start()

        assert "the connection to the target was lost" in words
        assert state(target) == before
        assert not migrate(library.path, target).already_migrated


class StopHere(Exception):
    """Something that goes wrong outside of either database."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stage", [("copying Users", 2), ("indexing Users", 1), ("verifying Users", 2)])
def test_what_goes_wrong_between_two_rows_ends_the_migration_and_changes_nothing(
    stage: tuple[str, int], target: str, tmp_path: Path
) -> None:
    # More rows than are read at once, so that there are more to come.
    library = make_library(tmp_path / "jellyfin.db", rows=450)
    before = state(target)

    def stop() -> None:
        raise StopHere

    with pytest.raises(StopHere):
        migrate(library.path, target, progress=at(stage, stop))
    assert state(target) == before


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", ["writing Users", "verifying Users"])
def test_what_goes_wrong_between_two_rows_of_the_way_back_leaves_no_file(
    place: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library(tmp_path / "jellyfin.db", rows=450)
    migrate(library.path, target)
    (tmp_path / "new").mkdir()

    def stop(message: str, fraction: float | None = None, /) -> None:
        if message.startswith(place):
            # From here on SQLite gets a value that it does not take, and the comparison ends between two rows.
            monkeypatch.setattr(way_back, "stored_form", lambda column: sql.SQL("1::numeric"))
            monkeypatch.setattr(verify_module, "islice", broken_islice)

    def broken_islice(rows: Iterator[object], count: int) -> list[object]:
        next(rows)
        raise StopHere

    with pytest.raises((UserError, StopHere)):
        reverse(target, tmp_path / "new" / "back.db", library.path, progress=stop)
    assert list((tmp_path / "new").iterdir()) == []
