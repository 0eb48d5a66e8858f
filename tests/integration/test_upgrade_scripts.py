"""What runs in PostgreSQL's pod around an upgrade, run here against a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from jellyfin_ha.components.schema_check import SCRIPT as SCHEMA_CHECK
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.upgrade import scripts
from jellyfin_ha.operations.upgrade.schema import read_schema, record_schema
from tests.integration.processes import PostgresServer, postgres_binary, wait_until

pytestmark = pytest.mark.integration

LATER = "20270101000000_Later"


@dataclass(frozen=True)
class Pod:
    """PostgreSQL's pod: its environment, whose user is the superuser, and a folder in the place of its volume."""

    server: PostgresServer
    conninfo: str
    volume: Path

    @property
    def dumps(self) -> Path:
        return self.volume / "upgrades"

    @property
    def environment(self) -> dict[str, str]:
        found = {key: str(value) for key, value in conninfo_to_dict(self.conninfo).items()}
        return {
            "PATH": f"{postgres_binary('psql').parent}:/usr/bin:/bin",
            "PGDATA": str(self.volume / "pgdata"),
            "POSTGRES_USER": self.server.user,
            "POSTGRES_DB": found["dbname"],
            # The image trusts the pod's own socket; this server wants its password everywhere.
            "PGHOST": found["host"],
            "PGPORT": found["port"],
            "PGPASSWORD": self.server.password,
        }

    def start(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", script],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str) -> str:
        process = self.start(script)
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        return out

    def dump(self, name: str) -> None:
        self.run(scripts.script(scripts.DUMP, name=name))

    def restore(self, name: str) -> None:
        self.run(scripts.script(scripts.RESTORE, name=name))

    def execute(self, statement: sql.SQL) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(statement)

    def names(self) -> list[str]:
        with psycopg.connect(self.conninfo) as connection:
            return [row[0] for row in connection.execute('SELECT "Username" FROM "Users"')]

    def databases(self) -> set[str]:
        with psycopg.connect(self.server.conninfo()) as connection:
            mine = self.environment["POSTGRES_DB"] + "%"
            rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (mine,))
            return {row[0] for row in rows}


@pytest.fixture
def pod(postgres_server: PostgresServer, target: str, tmp_path: Path) -> Pod:
    (tmp_path / "pgdata").mkdir()
    return Pod(postgres_server, target, tmp_path)


def test_what_a_failed_migration_did_is_undone_by_the_dump(pod: Pod) -> None:
    before = pod.names()
    assert before
    pod.dump("1.dump")
    pod.execute(sql.SQL('ALTER TABLE "BaseItems" ADD COLUMN "LaterVersion" text'))
    pod.execute(sql.SQL('DELETE FROM "Users"'))
    with psycopg.connect(pod.conninfo):
        pod.restore("1.dump")
    assert pod.names() == before
    with psycopg.connect(pod.conninfo) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute('SELECT "LaterVersion" FROM "BaseItems"')
    assert pod.databases() == {pod.environment["POSTGRES_DB"]}


def test_new_rows_get_new_numbers_after_a_dump_was_put_back(pod: Pod) -> None:
    insert = sql.SQL('INSERT INTO "DeviceOptions" ("DeviceId", "CustomName") VALUES (gen_random_uuid()::text, NULL)')
    pod.execute(insert)
    pod.dump("1.dump")
    pod.restore("1.dump")
    pod.execute(insert)


def test_a_dump_can_be_put_back_twice(pod: Pod) -> None:
    before = pod.names()
    pod.dump("1.dump")
    pod.restore("1.dump")
    pod.restore("1.dump")
    assert pod.names() == before


def test_a_dump_that_is_not_there_leaves_the_database_as_it_is(pod: Pod) -> None:
    before = pod.names()
    process = pod.start(scripts.script(scripts.RESTORE, name="none.dump"))
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "there is no dump" in error
    assert pod.names() == before


def test_a_damaged_dump_leaves_the_database_as_it_is(pod: Pod) -> None:
    before = pod.names()
    pod.dump("1.dump")
    dump = pod.dumps / "1.dump"
    dump.write_bytes(dump.read_bytes()[:-2000])
    process = pod.start(scripts.script(scripts.RESTORE, name="1.dump"))
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert pod.names() == before


def test_a_dump_that_was_cut_short_is_no_dump(pod: Pod) -> None:
    pod.execute(sql.SQL("CREATE TABLE filler AS SELECT repeat(md5(i::text), 40) FROM generate_series(1, 400000) i"))
    process = pod.start(scripts.script(scripts.DUMP, name="1.dump"))
    wait_until(lambda: (pod.dumps / "1.dump.part").exists(), seconds=30, what="the dump being begun")
    subprocess.run(["pkill", "-KILL", "--session", str(process.pid)], check=True)
    process.communicate(timeout=30)
    assert not (pod.dumps / "1.dump").exists()
    pod.dump("2.dump")
    assert [file.name for file in pod.dumps.iterdir()] == ["2.dump"]


def test_nobody_but_the_database_can_read_a_dump(pod: Pod) -> None:
    pod.dump("1.dump")
    assert (pod.dumps / "1.dump").stat().st_mode & 0o077 == 0


def test_the_newest_dumps_stay(pod: Pod) -> None:
    pod.dumps.mkdir()
    for number in range(4):
        file = pod.dumps / f"{number}.dump"
        file.touch()
        then = time.time() + number
        os.utime(file, (then, then))
    pod.run(scripts.script(scripts.PRUNE, keep="2"))
    assert {file.name for file in pod.dumps.iterdir()} == {"2.dump", "3.dump"}


def test_room_is_counted_in_bytes(pod: Pod) -> None:
    taken, free = (int(part) for part in pod.run(scripts.script(scripts.SPACE)).split())
    with psycopg.connect(pod.conninfo) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    assert taken == pytest.approx(row[0], rel=0.1)
    assert free > 2**20


def check(pod: Pod, image: str) -> subprocess.CompletedProcess[str]:
    environment = pod.environment
    environment |= {
        "POSTGRES_HOST": environment.pop("PGHOST"),
        "POSTGRES_PORT": environment.pop("PGPORT"),
        "POSTGRES_PASSWORD": environment.pop("PGPASSWORD"),
        "SERVER_IMAGE": image,
    }
    return subprocess.run(
        ["sh", "-c", SCHEMA_CHECK], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def apply_later(pod: Pod) -> None:
    pod.execute(sql.SQL("""INSERT INTO "__EFMigrationsHistory" VALUES ('20270101000000_Later', '10')"""))


def test_a_server_starts_on_the_schema_that_was_prepared_for_it(pod: Pod) -> None:
    assert record_schema(pod.conninfo, "jellyfin:1") > 1
    assert check(pod, "jellyfin:1").returncode == 0


def test_a_server_of_an_unknown_image_does_not_start(pod: Pod) -> None:
    record_schema(pod.conninfo, "jellyfin:1")
    found = check(pod, "jellyfin:'2")
    assert found.returncode == 1
    assert "the schema upgrade of jellyfin:'2 has not ended well" in found.stdout


def test_a_server_does_not_start_on_a_newer_schema(pod: Pod) -> None:
    record_schema(pod.conninfo, "jellyfin:1")
    apply_later(pod)
    record_schema(pod.conninfo, "jellyfin:2")
    assert check(pod, "jellyfin:2").returncode == 0
    found = check(pod, "jellyfin:1")
    assert found.returncode == 1
    assert "the database is newer than jellyfin:1" in found.stdout


def test_a_server_does_not_start_on_an_older_schema(pod: Pod) -> None:
    apply_later(pod)
    record_schema(pod.conninfo, "jellyfin:2")
    pod.execute(sql.SQL("""DELETE FROM "__EFMigrationsHistory" WHERE "MigrationId" = '20270101000000_Later'"""))
    found = check(pod, "jellyfin:2")
    assert found.returncode == 1
    assert "lacks migrations of jellyfin:2" in found.stdout


def test_a_server_does_not_start_while_the_database_is_away(pod: Pod) -> None:
    record_schema(pod.conninfo, "jellyfin:1")
    away = Pod(pod.server, pod.conninfo.replace(str(pod.server.port), "1"), pod.volume)
    assert check(away, "jellyfin:1").returncode != 0


def test_an_older_image_is_refused_by_the_name_of_what_it_does_not_know(pod: Pod) -> None:
    record_schema(pod.conninfo, "jellyfin:1")
    read_schema(pod.conninfo, "jellyfin:1").require_not_newer("jellyfin:1")
    apply_later(pod)
    read_schema(pod.conninfo, "jellyfin:3").require_not_newer("jellyfin:3")
    with pytest.raises(UserError, match=LATER):
        read_schema(pod.conninfo, "jellyfin:1").require_not_newer("jellyfin:1")


def test_a_database_that_no_server_has_filled_has_no_history(postgres: str) -> None:
    state = read_schema(postgres, "jellyfin:1")
    assert state.history == frozenset()
    assert state.prepared is None
