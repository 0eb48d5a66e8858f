"""The PostgreSQL image keeps what the official one promises, as a restricted pod runs it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from jellyfin_ha.components.postgres_database import SET_PASSWORD
from jellyfin_ha.lab import images
from jellyfin_ha.operations.progress import silent
from tests.integration.containers import Container, running, unpack
from tests.integration.processes import free_port, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

# As in the official image, loopback needs no password by itself; the tests come from there, so they ask for it.
PASSWORD = {
    "POSTGRES_PASSWORD": "a pass'word",
    "POSTGRES_USER": "jelly",
    "POSTGRES_DB": "library",
    "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256",
}
EMPTY = ("/var/run/postgresql", "/tmp")
READY_SECONDS = 40


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = next(image for image in images.ensure(silent) if image.name == "postgres")
    return unpack(image, tmp_path_factory.mktemp("postgres"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 999, 999)
    return folder


class Started:
    """PostgreSQL containers over one data folder, on one port."""

    def __init__(self, bundle: Path, data: Path) -> None:
        self.port = free_port()
        self._bundle = bundle
        self._data = data

    def container(
        self,
        env: Mapping[str, str] = PASSWORD,
        *args: str,
        root: bool = False,
        volumes: Mapping[str, Path] | None = None,
    ) -> AbstractContextManager[Container]:
        return running(
            self._bundle,
            args=args,
            env={**env, "PGPORT": str(self.port)},
            volumes={"/var/lib/postgresql/data": self._data, **(volumes or {})},
            empty=EMPTY,
            root=root,
        )

    def connect(self, *, password: str = PASSWORD["POSTGRES_PASSWORD"]) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="jelly", dbname="library", password=password, connect_timeout=5
        )

    def set_password(self, **env: str) -> tuple[int, str]:
        """Runs the database pod's init container to its end; its exit status and what it said."""
        with running(
            self._bundle,
            entrypoint="sh",
            args=("-c", SET_PASSWORD),
            env={**PASSWORD, **env},
            volumes={"/var/lib/postgresql/data": self._data},
            empty=EMPTY,
        ) as container:
            return container.process.wait(READY_SECONDS), container.output()

    def wait(self, container: Container, *, password: str = PASSWORD["POSTGRES_PASSWORD"]) -> None:
        def answers() -> bool:
            assert container.process.poll() is None, container.output()
            try:
                self.connect(password=password).close()
            except psycopg.OperationalError:
                return False
            return True

        try:
            wait_until(answers, seconds=READY_SECONDS, what="PostgreSQL answering")
        except TimeoutError:
            pytest.fail(container.output())


@pytest.fixture
def postgres(bundle: Path, data: Path) -> Started:
    return Started(bundle, data)


def test_a_new_database_has_the_named_user_password_and_database_and_a_restart_keeps_its_rows(
    postgres: Started,
) -> None:
    with postgres.container() as container:
        postgres.wait(container)
        with postgres.connect() as connection:
            connection.execute("CREATE TABLE film (title text)")
            connection.execute("INSERT INTO film VALUES ('Nosferatu')")
        assert container.execute("pg_isready", "-p", str(postgres.port)).strip().endswith("accepting connections")
        assert container.stop(signal.SIGINT) == 0
    # A restart needs no password in its environment: what is there stays as it is.
    with postgres.container({}, "postgres", "-c", "max_connections=23") as container:
        postgres.wait(container)
        with postgres.connect() as connection:
            assert connection.execute("SELECT title FROM film").fetchone() == ("Nosferatu",)
            assert connection.execute("SHOW max_connections").fetchone() == ("23",)


def test_the_image_asks_to_be_stopped_by_the_signal_that_does_not_wait_for_clients(postgres: Started) -> None:
    with postgres.container() as container:
        postgres.wait(container)
        with postgres.connect():
            assert container.stop(signal.SIGINT, seconds=10) == 0
    assert "received fast shutdown request" in container.output()


def test_a_new_database_without_a_password_is_refused_and_nothing_is_made(postgres: Started, data: Path) -> None:
    with postgres.container({}) as container:
        assert container.process.wait(20) == 1
    assert "POSTGRES_PASSWORD" in container.output()
    assert not (data / "PG_VERSION").exists()


def test_a_password_may_come_from_a_file_and_is_then_the_one_that_counts(postgres: Started, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o755)
    (secrets / "password").write_text(PASSWORD["POSTGRES_PASSWORD"] + "\n")
    env = {**PASSWORD, "POSTGRES_PASSWORD": "", "POSTGRES_PASSWORD_FILE": "/secrets/password"}
    with postgres.container(env, volumes={"/secrets": secrets}) as container:
        postgres.wait(container)


def test_whoever_comes_from_outside_needs_the_right_password(postgres: Started) -> None:
    with postgres.container() as container:
        postgres.wait(container)
        with postgres.connect() as connection:
            rules = connection.execute("SELECT address, auth_method FROM pg_hba_file_rules ORDER BY line_number")
            assert rules.fetchall()[-1] == ("all", "scram-sha-256")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(
                host="127.0.0.1",
                port=postgres.port,
                user="jelly",
                dbname="library",
                password="wrong",
                connect_timeout=5,
            )


def test_scripts_of_the_start_up_folder_run_once_in_order_and_initdb_arguments_count(
    postgres: Started, tmp_path: Path
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir(mode=0o755)
    (scripts / "1.sql").write_text("CREATE TABLE said (word text); INSERT INTO said VALUES ('sql');")
    (scripts / "2.sh").write_text('as_superuser --dbname "$POSTGRES_DB" --command "INSERT INTO said VALUES (\'sh\')"\n')
    env = {**PASSWORD, "POSTGRES_INITDB_ARGS": "--data-checksums --auth-host='scram-sha-256'"}
    for _ in range(2):
        with postgres.container(env, volumes={"/docker-entrypoint-initdb.d": scripts}) as container:
            postgres.wait(container)
            with postgres.connect() as connection:
                assert connection.execute("SELECT word FROM said").fetchall() == [("sql",), ("sh",)]
                assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
            container.stop(signal.SIGINT)


def test_a_start_that_was_killed_while_it_made_the_database_is_started_over(postgres: Started, data: Path) -> None:
    with postgres.container() as container:
        wait_until(lambda: (data / ".new" / "PG_VERSION").exists(), seconds=READY_SECONDS, what="initdb beginning")
        container.stop(signal.SIGKILL)
    assert not (data / "PG_VERSION").exists()
    with postgres.container() as container:
        postgres.wait(container)
    assert (data / "PG_VERSION").exists()
    assert not (data / ".new").exists()


def test_started_as_root_it_runs_as_user_999_and_takes_over_the_data_folder(postgres: Started, data: Path) -> None:
    os.chown(data, 0, 0)
    with postgres.container(root=True) as container:
        postgres.wait(container)
        assert container.execute("stat", "-c", "%u", "/proc/1").strip() == "999"
    assert data.stat().st_uid == 999


def test_data_that_outlived_its_password_answers_to_the_new_one_and_keeps_its_rows(postgres: Started) -> None:
    new = 'it\'s \\ "new"'
    with postgres.container() as container:
        postgres.wait(container)
        with postgres.connect() as connection:
            connection.execute("CREATE TABLE film (title text)")
            connection.execute("INSERT INTO film VALUES ('Nosferatu')")
        # As a node dies: its lock file stays, and the log must be replayed.
        container.stop(signal.SIGKILL)
    for _ in range(2):
        status, said = postgres.set_password(POSTGRES_PASSWORD=new)
        assert status == 0, said
        assert new not in said
    with postgres.container({}) as container:
        postgres.wait(container, password=new)
        with postgres.connect(password=new) as connection:
            assert connection.execute("SELECT title FROM film").fetchone() == ("Nosferatu",)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            postgres.connect()


def test_a_new_database_needs_no_password_set_before_it_is_made(postgres: Started, data: Path) -> None:
    status, said = postgres.set_password()
    assert status == 0, said
    assert list(data.iterdir()) == []


def test_data_of_somebody_else_is_refused_and_the_password_is_not_said(postgres: Started) -> None:
    with postgres.container() as container:
        postgres.wait(container)
        container.stop(signal.SIGINT)
    status, said = postgres.set_password(POSTGRES_USER="other", POSTGRES_PASSWORD="unspoken")
    assert status != 0
    assert 'role "other" does not exist' in said
    assert "unspoken" not in said
