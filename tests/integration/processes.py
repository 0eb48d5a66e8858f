"""Real PostgreSQL and Redis processes on loopback, for tests.

Every process is started with its own data directory under the system's temporary directory, on a port the
kernel chose, and is ended by its pid. It also dies with the test run (parent-death signal), so that an
interrupted run leaves nothing behind.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
from psycopg import conninfo as conninfo_form
from psycopg import sql

from jellyfin_ha.operations.leases import Endpoint

START_SECONDS = 30.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02
REDIS_DATA = "appendonlydir"


class ProcessFailedError(RuntimeError):
    """A server for tests did not start; the text holds the end of its log."""


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll `condition` until it is true.

    Raises:
        TimeoutError: `what` did not happen within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(POLL_SECONDS)


def free_port() -> int:
    """A TCP port of loopback that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end(process: subprocess.Popen[bytes], *, gently: signal.Signals) -> None:
    """End one process that this run started: asked first, killed when it does not listen."""
    if process.poll() is not None:
        return
    process.send_signal(gently)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def dying_with_us(*, user: str | None, signal_name: str) -> list[str]:
    """The start of a command line that drops root for `user` and gets a signal when this run dies."""
    drop = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
    return ["setpriv", "--pdeathsig", signal_name, *drop, "--"]


def postgres_binary(name: str) -> Path:
    """A program of the newest PostgreSQL installed as Debian installs it."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True
    )
    if not found:
        raise FileNotFoundError(f"no /usr/lib/postgresql/*/bin/{name}: apt-get install postgresql")
    return found[0]


@dataclass
class PostgresServer:
    """A PostgreSQL with the superuser `postgres`, reachable on loopback with a password."""

    command: tuple[str, ...]
    port: int
    password: str
    log: Path
    host: str = "127.0.0.1"
    user: str = "postgres"
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it and wait until it answers; after a `crash` also for what is left of its former self."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with self.log.open("ab") as sink:
                self.process = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, cwd=self.log.parent
                )
            try:
                wait_until(
                    lambda: _postgres_ready(self.process, self), seconds=START_SECONDS, what="postgres answering"
                )
            except ProcessFailedError:
                if time.monotonic() > deadline or "pre-existing shared memory" not in self.log.read_text()[-2000:]:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return

    def crash(self) -> None:
        """Kill its first process as `kill -9` does; the others notice."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def conninfo(self, dbname: str = "postgres", *, user: str | None = None, password: str | None = None) -> str:
        """What psycopg connects with; the superuser unless another role is named."""
        return conninfo_form.make_conninfo(
            host=self.host,
            port=self.port,
            dbname=dbname,
            user=user or self.user,
            password=password or self.password,
            connect_timeout=10,
        )

    @contextmanager
    def tablespace(self, folder: Path) -> Generator[str]:
        """The name of a tablespace in an empty folder of the server's user; dropped at the end."""
        name = f"space_{secrets.token_hex(6)}"
        create = sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(str(folder)))
        with psycopg.connect(self.conninfo(), autocommit=True) as admin:
            admin.execute(create)
        try:
            yield name
        finally:
            with psycopg.connect(self.conninfo(), autocommit=True) as admin:
                admin.execute(sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(name)))

    @contextmanager
    def role(self) -> Generator[tuple[str, str]]:
        """The name and password of a role that may log in and nothing else; dropped at the end."""
        name, password = f"role_{secrets.token_hex(6)}", secrets.token_hex(12)
        with psycopg.connect(self.conninfo(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
            )
        try:
            yield name, password
        finally:
            with psycopg.connect(self.conninfo(), autocommit=True) as admin:
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    @contextmanager
    def database(
        self, *, owner: str | None = None, template: str = "template0", tablespace: str = "pg_default"
    ) -> Generator[str]:
        """The name of a fresh UTF-8 database (or a copy of `template`), dropped with its connections at the end."""
        name = f"test_{secrets.token_hex(6)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} TABLESPACE {}").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(tablespace)
        )
        if owner:
            create += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
        with psycopg.connect(self.conninfo(), autocommit=True) as admin:
            admin.execute(create)
        try:
            yield name
        finally:
            with psycopg.connect(self.conninfo(), autocommit=True) as admin:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _postgres_ready(process: subprocess.Popen[bytes], server: PostgresServer) -> bool:
    if process.poll() is not None:
        raise ProcessFailedError(f"postgres ended with {process.returncode}:\n{server.log.read_text()[-2000:]}")
    try:
        psycopg.connect(server.conninfo()).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def running_postgres(
    settings: Mapping[str, str] | None = None, *, log_disk: Path | None = None
) -> Generator[PostgresServer]:
    """An initdb'd PostgreSQL for as long as the block runs.

    Args:
        settings: server settings beside the defaults (`{"max_connections": "20"}`). fsync is off unless set:
            what these tests kill is processes, never the machine.
        log_disk: an empty folder of the server's user for the write-ahead log, in segments of 1 MiB.
    """
    user = "postgres" if os.geteuid() == 0 else None
    root = Path(tempfile.mkdtemp(prefix="jellyfin-ha-postgres-"))
    if user:
        entry = pwd.getpwnam(user)
        os.chown(root, entry.pw_uid, entry.pw_gid)
    password = secrets.token_hex(12)
    log = root / "log"
    try:
        password_file = root / "password"
        password_file.write_text(password)
        password_file.chmod(0o644)
        data = root / "data"
        subprocess.run(
            [
                *dying_with_us(user=user, signal_name="TERM"),
                *(str(postgres_binary("initdb")), "--pgdata", str(data), "--username", "postgres"),
                *("--pwfile", str(password_file), "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--no-locale", "--no-sync"),
                *(("--waldir", str(log_disk), "--wal-segsize", "1") if log_disk else ()),
            ],
            check=True,
            capture_output=True,
            timeout=60,
            cwd=root,
        )
        port = free_port()
        chosen = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(root),
            "fsync": "off",
            "shared_buffers": "64MB",
            "max_connections": "60",
            **(settings or {}),
        }
        options = [part for key, value in chosen.items() for part in ("-c", f"{key}={value}")]
        command = (
            *dying_with_us(user=user, signal_name="INT"),
            *(str(postgres_binary("postgres")), "-D", str(data), *options),
        )
        server = PostgresServer(command=command, port=port, password=password, log=log)
        try:
            server.start()
            yield server
        finally:
            end(server.process, gently=signal.SIGINT)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@dataclass
class RedisServer:
    """A Redis on loopback, at the same port whenever it runs."""

    command: tuple[str, ...]
    port: int
    password: str | None
    folder: Path
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        """`redis://:password@127.0.0.1:port/0`."""
        credentials = f":{self.password}@" if self.password else ""
        return f"redis://{credentials}{self.host}:{self.port}/0"

    @property
    def endpoint(self) -> Endpoint:
        """The same as the programs take it."""
        return Endpoint(self.url)

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "log"

    def start(self, *, wait: bool = True) -> None:
        """Start it, again after a `crash` or a shutdown; `wait` until it answers."""
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, cwd=self.folder
            )
        if wait:
            wait_until(lambda: _redis_ready(self), seconds=START_SECONDS, what="redis answering")

    def crash(self) -> None:
        """Kill it as `kill -9` does."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def forget(self) -> None:
        """Remove its data, as a volume that is lost does; only while it does not run."""
        shutil.rmtree(self.folder / REDIS_DATA)

    def client(self) -> redis.Redis:
        """A client that answers text."""
        return redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=5, socket_connect_timeout=5)


def _redis_ready(server: RedisServer) -> bool:
    if server.process.poll() is not None:
        raise ProcessFailedError(f"redis ended with {server.process.returncode}:\n{server.log.read_text()[-2000:]}")
    try:
        with server.client() as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):
        return False


@contextmanager
def running_redis(*, password: str | None = "", settings: Mapping[str, str] | None = None) -> Generator[RedisServer]:
    """A Redis fit to hold leases for as long as the block runs, unless `settings` say otherwise.

    Args:
        password: what clients must say; empty makes one, None asks for none.
        settings: lines of redis.conf beside the defaults (`{"maxmemory-policy": "allkeys-lru"}`).
    """
    secret = secrets.token_hex(12) if password == "" else password
    root = Path(tempfile.mkdtemp(prefix="jellyfin-ha-redis-"))
    port = free_port()
    chosen = {
        "port": str(port),
        "bind": "127.0.0.1",
        "protected-mode": "no",
        "dir": str(root),
        "appenddirname": REDIS_DATA,
        "save": '""',
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory": "64mb",
        "maxmemory-policy": "noeviction",
        **({"requirepass": secret} if secret else {}),
        **(settings or {}),
    }
    configuration = root / "redis.conf"
    configuration.write_text("".join(f"{key} {value}\n" for key, value in chosen.items()))
    command = (*dying_with_us(user=None, signal_name="TERM"), "redis-server", str(configuration))
    server = RedisServer(command=command, port=port, password=secret, folder=root)
    try:
        try:
            server.start()
            yield server
        finally:
            end(server.process, gently=signal.SIGTERM)
    finally:
        shutil.rmtree(root, ignore_errors=True)
