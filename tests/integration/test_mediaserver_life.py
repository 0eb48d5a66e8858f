"""How a server process starts, ends, and what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from jellyfin_apiclient_python import JellyfinClient
from websockets.sync.client import connect

from jellyfin_ha.lab.mediaserver.schema import load_model
from tests.integration.mediaserver_processes import (
    PROFILE,
    MediaServerProcess,
    load_sample,
    logged_in,
    media_server,
    sample_library,
)
from tests.integration.processes import PostgresServer, end, running_postgres, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as name:
        yield postgres_server.conninfo(name)


@pytest.fixture(scope="module")
def template(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as name:
        load_sample(postgres_server.conninfo(name), sample_library())
        yield name


@pytest.fixture
def filled(postgres_server: PostgresServer, template: str) -> Iterator[str]:
    with postgres_server.database(template=template) as name:
        yield postgres_server.conninfo(name)


def _encoders_of(parent: int) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(entry.name))
    return found


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def _start_transcode(server: MediaServerProcess, client: JellyfinClient) -> str:
    """Asks for a segment, and gives back where the one after it is."""
    film = client.jellyfin.get_user_items(recursive=True, search_term="Test Card")["Items"][0]
    address = client.jellyfin.get_play_info(film["Id"], PROFILE)["MediaSources"][0]["TranscodingUrl"]
    folder, _, query = address.partition("/master.m3u8?")
    base = f"{server.url}{folder}/hls1/main/{{}}.ts?{query}&runtimeTicks=0&actualSegmentLengthTicks=30000000"
    assert httpx.get(base.format(0), timeout=60).status_code == 200
    return base.format(139)


def test_a_new_database_gets_the_whole_schema_and_a_fresh_servers_rows(empty: str) -> None:
    with media_server(empty) as server:
        assert server.health() == "Healthy"
    model = load_model()
    with psycopg.connect(empty) as connection:
        found = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name <> '__EFMigrationsHistory'"
        ).fetchall()
        expected = {
            (c.table, c.name, c.pg_type.partition("(")[0].replace("bigint[]", "ARRAY"), "YES" if c.nullable else "NO")
            for table in model.tables
            for c in table.columns
        }
        assert set(found) == expected
        history = {row[0] for row in connection.execute('SELECT "MigrationId" FROM "__EFMigrationsHistory"')}
        assert history == {*model.postgres_migrations, *model.code_migrations}
        counts = {}
        for table in model.tables:
            row = connection.execute(f'SELECT count(*) FROM "{table.name}"'.encode()).fetchone()  # noqa: S608
            if row and row[0]:
                counts[table.name] = row[0]
        assert counts == {"ActivityLogs": 1, "BaseItems": 3, "Permissions": 24, "Preferences": 13, "Users": 1}


def test_a_database_in_use_is_left_as_it_is(filled: str) -> None:
    def rows() -> list[tuple]:
        with psycopg.connect(filled) as connection:
            return connection.execute(
                'SELECT "Id"::text, "Name" FROM "BaseItems" UNION ALL SELECT "Id"::text, "Username" FROM "Users" '
                'UNION ALL SELECT "MigrationId", "ProductVersion" FROM "__EFMigrationsHistory" ORDER BY 1'
            ).fetchall()

    before = rows()
    with media_server(filled):
        assert rows() == before


def test_while_it_starts_it_is_degraded_and_serves_nothing_else(filled: str) -> None:
    with media_server(filled, {"JELLYFIN_HA_REFERENCE_START_SECONDS": "60"}, until="Degraded") as server:
        assert httpx.get(f"{server.url}/health").status_code == 200
        answer = httpx.get(f"{server.url}/System/Ping")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "005")


def test_without_its_database_it_is_unhealthy_but_alive() -> None:
    with running_postgres() as postgres, media_server(postgres.conninfo()) as server:
        end(postgres.process, gently=signal.SIGINT)
        answer = httpx.get(f"{server.url}/health", timeout=20)
        assert (answer.status_code, answer.text) == (503, "Unhealthy")
        assert httpx.get(f"{server.url}/System/Ping").json() == "Jellyfin Server"
        assert httpx.get(f"{server.url}/Users/Public", timeout=60).status_code == 500


def test_a_start_without_database_is_aborted(empty: str) -> None:
    with pytest.raises(RuntimeError, match="ended with 134"), media_server(empty, {"POSTGRES_PORT": "1"}):
        pass


def test_a_wrong_environment_is_told_completely(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "POSTGRES_PORT": "many", "JELLYFIN_HA_REFERENCE_TOKENS": "none"}
    result = subprocess.run(
        [sys.executable, "-m", "jellyfin_ha.lab.mediaserver"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    for name in environment.keys() - {"PATH"} | {"POSTGRES_PASSWORD"}:
        assert name in result.stderr


def test_an_orderly_stop_says_good_bye_ends_the_encoder_and_exits_with_0(filled: str) -> None:
    with media_server(filled) as server:
        client = logged_in(server.url, "bob", "bob-sample", "bobs-tv")
        later = _start_transcode(server, client)
        token = client.config.data["auth.token"]
        # A player that waits for a segment far ahead does not hold the stop up.
        waiting = threading.Thread(target=lambda: httpx.get(later, timeout=60))
        with connect(f"{server.url.replace('http', 'ws')}/socket?ApiKey={token}") as socket:
            assert json.loads(socket.recv(timeout=10))["Data"] == 60
            socket.send('{"MessageType":"KeepAlive"}')
            assert json.loads(socket.recv(timeout=10))["MessageType"] == "KeepAlive"
            waiting.start()
            wait_until(lambda: _encoders_of(server.process.pid) != [], seconds=20, what="an encoder running")
            encoders = _encoders_of(server.process.pid)
            server.process.send_signal(signal.SIGTERM)
            assert json.loads(socket.recv(timeout=10))["MessageType"] == "ServerShuttingDown"
        assert server.process.wait(20) == 0
        waiting.join(20)
        assert all(_is_gone(pid) for pid in encoders)


def test_a_killed_server_leaves_no_encoder_behind(filled: str) -> None:
    with media_server(filled) as server:
        client = logged_in(server.url, "bob", "bob-sample", "bobs-tv")
        waiting = threading.Thread(target=_quietly_get, args=(_start_transcode(server, client),))
        waiting.start()
        wait_until(lambda: _encoders_of(server.process.pid) != [], seconds=20, what="an encoder running")
        encoders = _encoders_of(server.process.pid)
        server.process.kill()
        server.process.wait(10)
        wait_until(lambda: all(_is_gone(pid) for pid in encoders), seconds=10, what="the encoder dying")
        waiting.join(20)


def _quietly_get(address: str) -> None:
    try:
        httpx.get(address, timeout=60)
    except httpx.TransportError:
        # The server was killed meanwhile, as the test wants it.
        return


def test_an_encoder_nobody_asks_for_is_ended(filled: str) -> None:
    with media_server(filled, {"JELLYFIN_HA_REFERENCE_TRANSCODE_IDLE_SECONDS": "0.1"}) as server:
        _start_transcode(server, logged_in(server.url, "bob", "bob-sample", "bobs-tv"))
        wait_until(lambda: "is ended" in server.log, seconds=10, what="the encoder being ended")
        wait_until(lambda: _encoders_of(server.process.pid) == [], seconds=10, what="ffmpeg ending")
        wait_until(lambda: not list(server.transcodes.iterdir()), seconds=10, what="its files being deleted")


def test_a_socket_without_a_good_token_is_forbidden(filled: str) -> None:
    with media_server(filled) as server, pytest.raises(Exception, match="403"):
        connect(f"{server.url.replace('http', 'ws')}/socket?ApiKey=wrong")


def test_a_broken_database_connection_costs_a_request_and_no_more(filled: str) -> None:
    with media_server(filled) as server:
        assert httpx.get(f"{server.url}/Users/Public").status_code == 200
        with psycopg.connect(filled, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        statuses = [httpx.get(f"{server.url}/Users/Public", timeout=30).status_code for _ in range(3)]
        assert statuses[0] == 500
        assert statuses[-1] == 200
