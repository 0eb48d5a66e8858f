"""Reference media servers as real processes, and the sample library in a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
from jellyfin_apiclient_python import JellyfinClient
from psycopg import conninfo as conninfo_form
from psycopg import sql

from jellyfin_ha.lab.cache import cache_folder
from jellyfin_ha.lab.library import SampleLibrary, ensure
from jellyfin_ha.lab.mediaserver.schema import load_model
from jellyfin_ha.lab.mediaserver.schema.ddl import postgres_ddl
from jellyfin_ha.operations.progress import silent
from tests.integration.processes import end, free_port, wait_until

SERVER_ID = "5a3c1e0f5a3c1e0f5a3c1e0f5a3c1e0f"
START_SECONDS = 30.0
PROFILE = {
    "DirectPlayProfiles": [],
    "TranscodingProfiles": [
        {"Type": "Video", "Container": "ts", "Protocol": "hls", "VideoCodec": "h264", "AudioCodec": "aac"}
    ],
}


def sample_library() -> SampleLibrary:
    """The sample library, made once a machine, where `make up` keeps it too."""
    return ensure(cache_folder(), silent)


def load_sample(conninfo: str, library: SampleLibrary) -> None:
    """Puts the sample's rows into an empty database, its paths where the files really are."""
    model = load_model()
    source = sqlite3.connect(library.database)
    source.row_factory = sqlite3.Row
    with psycopg.connect(conninfo) as target:
        for statement in postgres_ddl(model):
            target.execute(statement.encode())
        for table in model.tables:
            names = [column.name for column in table.columns]
            insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table.name),
                sql.SQL(",").join(sql.Identifier(name) for name in names),
                sql.SQL(",").join(sql.Placeholder() for _ in names),
            )
            for row in source.execute(f'SELECT * FROM "{table.name}"'):  # noqa: S608
                target.execute(insert, [_value(row[c.name], c.pg_type) for c in table.columns])
            if any(column.identity for column in table.columns):
                target.execute(
                    sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'Id'), max(\"Id\")) FROM {}").format(
                        sql.Literal(f'"{table.name}"'), sql.Identifier(table.name)
                    )
                )
        for (name,) in source.execute('SELECT "MigrationId" FROM "__EFMigrationsHistory"'):
            target.execute('INSERT INTO "__EFMigrationsHistory" VALUES (%s, %s)', (name, "9.0.11"))
        target.execute(
            """UPDATE "BaseItems" SET "Path" = %s || substr("Path", 7) WHERE "Path" LIKE '/media/%%'""",
            (str(library.media),),
        )
    source.close()


def _value(value: object, pg_type: str) -> object:
    if value is None:
        return None
    if pg_type == "boolean":
        return bool(value)
    if pg_type == "bigint[]":
        return json.loads(str(value))
    if pg_type.startswith("timestamp"):
        # PostgreSQL keeps microseconds; .NET's seventh digit goes.
        whole, _, fraction = str(value).partition(".")
        moment = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return moment.replace(microsecond=int(fraction.ljust(7, "0")[:6]))
    return value


@dataclass
class MediaServerProcess:
    """A running server."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path

    @property
    def log(self) -> str:
        """All it has written so far."""
        return (self.folder / "log").read_text()

    @property
    def transcodes(self) -> Path:
        """Where its encoders write."""
        return self.folder / "cache" / "transcodes"

    def health(self) -> str:
        """The body of `/health`, or an empty text when nobody answers."""
        try:
            return httpx.get(f"{self.url}/health", timeout=5).text
        except httpx.TransportError:
            return ""

    def stop(self) -> int:
        """Stops it orderly and tells its exit code."""
        end(self.process, gently=signal.SIGTERM)
        return self.process.returncode


@contextmanager
def media_server(
    conninfo: str, environment: Mapping[str, str] | None = None, *, until: str = "Healthy", user: int = 0
) -> Generator[MediaServerProcess]:
    """A server process on that database, ready, for as long as the block runs.

    Args:
        until: the body of `/health` to wait for.
        user: the user id it runs as; 0 for the one the tests run as.
    """
    with tempfile.TemporaryDirectory(prefix="jellyfin-ha-mediaserver-") as name:
        folder = Path(name)
        port = free_port()
        _write_settings(folder, port)
        (folder / "cache").mkdir()
        if user:
            folder.chmod(0o755)
            for path in (folder / "config", folder / "cache", *(folder / "config").rglob("*")):
                os.chown(path, user, user)
        with serving(conninfo, folder, port, environment, until=until, user=user) as server:
            yield server


@contextmanager
def serving(
    conninfo: str,
    folder: Path,
    port: int,
    environment: Mapping[str, str] | None = None,
    *,
    until: str = "Healthy",
    user: int = 0,
) -> Generator[MediaServerProcess]:
    """The same on a folder that is there already and stays.

    Args:
        folder: the server's data folder is `config` in it.
        port: the one that the network.xml in it names.
        until, user: as above.
    """
    where = conninfo_form.conninfo_to_dict(conninfo)
    drop = ["--reuid", str(user), "--regid", str(user), "--clear-groups"] if user else []
    full = {
        "PATH": os.environ["PATH"],
        "POSTGRES_HOST": str(where["host"]),
        "POSTGRES_PORT": str(where["port"]),
        "POSTGRES_DB": str(where["dbname"]),
        "POSTGRES_USER": str(where["user"]),
        "POSTGRES_PASSWORD": str(where["password"]),
        "JELLYFIN_DATA_DIR": str(folder / "config"),
        "JELLYFIN_CACHE_DIR": str(folder / "cache"),
        "JELLYFIN_HA_REFERENCE_START_SECONDS": "0",
        **(environment or {}),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", *drop, "--"),
                *(sys.executable, "-m", "jellyfin_ha.lab.mediaserver"),
            ],
            env=full,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = MediaServerProcess(process, f"http://127.0.0.1:{port}", folder)
    try:
        wait_until(
            lambda: process.poll() is not None or server.health() == until,
            seconds=START_SECONDS,
            what=f"a media server saying {until}",
        )
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{server.log[-3000:]}")
        yield server
    finally:
        end(process, gently=signal.SIGTERM)


def _write_settings(folder: Path, port: int) -> None:
    config, data = folder / "config" / "config", folder / "config" / "data"
    config.mkdir(parents=True)
    data.mkdir(parents=True)
    (data / "device.txt").write_text(SERVER_ID)
    (config / "network.xml").write_text(network_xml(port))


def network_xml(port: int) -> str:
    """Settings of a server that listens on this port of loopback."""
    return (
        f"<NetworkConfiguration><InternalHttpPort>{port}</InternalHttpPort>"
        "<LocalNetworkAddresses><string>127.0.0.1</string></LocalNetworkAddresses>"
        "<KnownProxies><string>127.0.0.1</string></KnownProxies></NetworkConfiguration>"
    )


def logged_in(url: str, name: str, password: str, device: str) -> JellyfinClient:
    """The unmodified client library after a log-in."""
    client = JellyfinClient(allow_multiple_clients=True)
    client.config.app("hatest", "1.0", "box", device)
    client.config.data["auth.ssl"] = False
    client.config.data["http.timeout"] = 60
    client.auth.connect_to_address(url)
    assert client.auth.login(url, name, password), f"{name} cannot log in at {url}"
    credentials = client.auth.credentials.get_credentials()
    client.authenticate({"Servers": [dict(credentials["Servers"][0])]}, discover=False)
    client.start(websocket=False, keep_alive=True)
    return client


def with_token(url: str, name_client: JellyfinClient, device: str) -> JellyfinClient:
    """A client at another server that goes on with the log-in of the first."""
    client = JellyfinClient(allow_multiple_clients=True)
    client.config.app("hatest", "1.0", "box", device)
    data = name_client.config.data
    client.config.auth(url, data["auth.user_id"], data["auth.token"], False)
    client.http.start_session()
    return client
