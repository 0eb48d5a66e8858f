"""Every way to the Redis that holds the leases: passwords, users, TLS, sockets; with and without asyncio."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import (
    Endpoint,
    Held,
    TranscodeSession,
    TranscodeSessions,
    open_async_store,
    open_store,
    seed,
)
from jellyfin_ha.operations.leases.connection import FORM, Patience, explained
from tests.integration.certificates import make_certificates
from tests.integration.conftest import RedisFactory
from tests.integration.lease_stores import command
from tests.integration.processes import RedisServer, free_port, running_redis

pytestmark = pytest.mark.integration

FEW_SECONDS = 4.0
# Of a user who may do what leases need.
RULES = "on >{password} ~* &* +@all"


def reach(endpoint: Endpoint) -> None:
    """Ask something both ways.

    Raises:
        UserError: either was refused.
    """

    async def asynchronously() -> None:
        async with open_async_store(endpoint, replicas=2) as store:
            assert await store.do(TranscodeSessions().get("x")) is None

    with open_store(endpoint, replicas=2) as store, explained(endpoint):
        assert store.do(TranscodeSessions().get("x")) is None
    with explained(endpoint):
        asyncio.run(asynchronously())


def refused(endpoint: Endpoint) -> str:
    """The words of a refusal that comes at once."""
    started = time.monotonic()
    with pytest.raises(UserError) as refusal:
        reach(endpoint)
    assert time.monotonic() - started < FEW_SECONDS
    with pytest.raises(UserError) as again:
        asyncio.run(_reach_asynchronously(endpoint))
    assert str(again.value) == str(refusal.value)
    return str(refusal.value)


async def _reach_asynchronously(endpoint: Endpoint) -> None:
    async with open_async_store(endpoint, replicas=2):
        pass


def bare(server: RedisServer) -> str:
    return f"redis://{server.host}:{server.port}/0"


def test_the_password_is_in_the_url(redis_server: RedisFactory) -> None:
    server = redis_server(settings={"user": f"jellyfin {RULES.format(password='p@ss/w#rd:%')}"})
    reach(Endpoint(server.url))
    reach(Endpoint(f"redis://jellyfin:p%40ss%2Fw%23rd%3A%25@127.0.0.1:{server.port}/0"))


def test_the_password_is_in_the_environment(redis_server: RedisFactory) -> None:
    server = redis_server()
    found = {"JELLYFIN_HA_REDIS_PASSWORD": str(server.password), "JELLYFIN_HA_REDIS_PASSWORD_FILE": ""}
    reach(Endpoint.from_environment(bare(server), found))
    given = {**found, "JELLYFIN_HA_REDIS": bare(server)}
    assert command("status", given=given).returncode == 0


def test_the_password_of_the_url_comes_first(redis_server: RedisFactory) -> None:
    server = redis_server()
    reach(Endpoint.from_environment(server.url, {"JELLYFIN_HA_REDIS_PASSWORD": "another"}))


def test_the_password_is_in_a_file_that_changes_while_the_program_runs(
    redis_server: RedisFactory, tmp_path: Path
) -> None:
    server = redis_server()
    file = tmp_path / "password"
    file.write_text(f"{server.password}\n")
    endpoint = Endpoint.from_environment(bare(server), {"JELLYFIN_HA_REDIS_PASSWORD_FILE": str(file)})
    assert command("status", "--redis", endpoint.url, given={"JELLYFIN_HA_REDIS_PASSWORD_FILE": str(file)}).stdout

    async def asynchronously() -> None:
        async with open_async_store(endpoint, replicas=2) as store:
            change("third")
            assert await store.do(TranscodeSessions().get("x")) is None

    def change(password: str) -> None:
        client = server.client()
        client.connection_pool.connection_kwargs["password"] = file.read_text().strip()
        client.config_set("requirepass", password)
        file.write_text(password)
        client.client_kill_filter(_type="normal", skipme=False)

    with open_store(endpoint, replicas=2) as store:
        change("second")
        assert store.do(TranscodeSessions().get("x")) is None
    asyncio.run(asynchronously())


def test_a_password_file_that_is_missing_is_told_and_found_once_it_is_there(
    redis_server: RedisFactory, tmp_path: Path
) -> None:
    server = redis_server()
    file = tmp_path / "password"
    endpoint = Endpoint(bare(server), password_file=file)
    assert str(file) in refused(endpoint)
    client = endpoint.client()
    with pytest.raises(UserError, match="JELLYFIN_HA_REDIS_PASSWORD_FILE"), explained(endpoint):
        client.ping()
    file.write_text(str(server.password))
    assert client.ping()
    client.close()


def test_a_missing_password_file_stops_no_program_with_asyncio(redis_server: RedisFactory, tmp_path: Path) -> None:
    server = redis_server()
    file = tmp_path / "password"
    endpoint = Endpoint(bare(server), password_file=file)

    async def late() -> None:
        client = endpoint.async_client()
        with pytest.raises(UserError), explained(endpoint):
            await client.ping()
        file.write_text(str(server.password))
        assert await client.ping()
        await client.aclose()

    asyncio.run(late())


@pytest.mark.parametrize("user", ["jellyfin", "a@b:c/d"])
def test_users_have_names(user: str, redis_server: RedisFactory, tmp_path: Path) -> None:
    server = redis_server(settings={"user": f"{user} {RULES.format(password='secret')}"})
    quoted = user.replace("@", "%40").replace(":", "%3A").replace("/", "%2F")
    host = f"127.0.0.1:{server.port}/0"
    file = tmp_path / "password"
    file.write_text("secret")
    reach(Endpoint(f"redis://{quoted}:secret@{host}"))
    reach(Endpoint(f"redis://{quoted}@{host}", password="secret"))
    reach(Endpoint(f"redis://{quoted}@{host}", password_file=file))


@pytest.mark.parametrize("given", ["url", "environment", "file", "none"])
def test_a_wrong_password_is_told_at_once_and_never_shown(
    given: str, redis_server: RedisFactory, tmp_path: Path
) -> None:
    server = redis_server()
    file = tmp_path / "password"
    file.write_text("mistaken")
    endpoint = {
        "url": Endpoint(f"redis://:mistaken@127.0.0.1:{server.port}/0"),
        "environment": Endpoint(bare(server), password="mistaken"),
        "file": Endpoint(bare(server), password_file=file),
        "none": Endpoint(bare(server)),
    }[given]
    words = refused(endpoint)
    assert "refuses the password" in words
    assert "mistaken" not in words


def test_tls_with_an_authority_of_ones_own(redis_server: RedisFactory, tmp_path: Path) -> None:
    ours, theirs = make_certificates(tmp_path / "ours"), make_certificates(tmp_path / "theirs")
    settings = {
        "tls-port": "0",
        "tls-cert-file": str(ours.certificate),
        "tls-key-file": str(ours.key),
        "tls-ca-cert-file": str(ours.authority),
        "tls-auth-clients": "no",
    }
    server = redis_server(settings=settings)
    # The port of TLS is opened while it runs: the helper asks at the other.
    port = free_port()
    server.client().config_set("tls-port", port)
    host = f"127.0.0.1:{port}/0"
    access = f"rediss://:{server.password}@{host}"
    reach(Endpoint(f"{access}?ssl_ca_certs={ours.authority}"))
    words = refused(Endpoint(f"{access}?ssl_ca_certs={theirs.authority}"))
    assert "certificate verify failed" in words
    assert str(server.password) not in words
    assert "certificate verify failed" in refused(Endpoint(access))
    done = command("status", "--redis", f"{access}?ssl_ca_certs={ours.authority}")
    assert done.returncode == 0, done.stderr


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with running_redis(settings={"unixsocket": str(path)}) as server:
        reach(Endpoint(f"unix://:{server.password}@{path}"))
        reach(Endpoint(f"unix://{path}", password=str(server.password)))
        done = command(
            "status", "--redis", f"unix://{path}", given={"JELLYFIN_HA_REDIS_PASSWORD": str(server.password)}
        )
        assert done.returncode == 0, done.stderr
        assert str(path) in done.stdout
        assert "refuses the password" in refused(Endpoint(f"unix://:hidden@{path}"))


def test_another_database(redis_server: RedisFactory) -> None:
    server = redis_server()
    reach(Endpoint(f"redis://:{server.password}@127.0.0.1:{server.port}/3"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "http://:hidden@host",
        "redis://:hidden@host:port/0",
        "redis://:hidden@host:6379/zero",
        "redis://:hid/den@host:6379/0",
        "redis://:1/hidden@host:6379/0",
        "redis://:hid#den@host:6379/0",
        "redis://:hid?den@host:6379/0",
        "redis://host?password=hidden",
        "redis://host?unheard_of=hidden",
        "redis://host?socket_timeout=hidden",
        "redis+sentinel://:hidden@host:26379",
        "redis+sentinel://:hidden@host:26379/",
        "redis+sentinel://:hidden@/leases",
        "redis+sentinel://:hidden@host:port/leases",
        "redis+sentinel://:hidden@host:26379,other:port/leases",
        "redis+sentinel://:hidden@host:26379/leases/zero",
        "unix://:hidden@",
    ],
)
def test_a_malformed_url_is_bad_use_and_tells_the_form_and_no_password(url: str) -> None:
    with pytest.raises(UserError) as refusal:
        Endpoint(url)
    assert refusal.value.exit_code == 2
    assert FORM in str(refusal.value)
    assert "hid" not in str(refusal.value)
    assert "den" not in str(refusal.value)


def test_a_redis_that_is_away_is_told_in_the_time_that_was_promised() -> None:
    endpoint = Endpoint("redis://:hidden@127.0.0.1:1/0")
    started = time.monotonic()
    with pytest.raises(UserError, match="does not answer") as refusal, open_store(endpoint, replicas=2):
        pass
    assert time.monotonic() - started < 10
    assert "hidden" not in str(refusal.value)


def test_a_redis_that_goes_away_is_told_in_the_time_that_was_promised(redis_server: RedisFactory) -> None:
    server = redis_server()
    endpoint = Endpoint(server.url)
    with open_store(endpoint, replicas=2, patience=Patience(tries=4)) as store:
        server.process.kill()
        server.process.wait()
        started = time.monotonic()
        with pytest.raises(UserError, match="does not answer"), explained(endpoint):
            store.do(TranscodeSessions().get("x"))
        assert time.monotonic() - started < FEW_SECONDS


def test_a_write_that_a_demoted_master_refuses_is_tried_again_until_there_is_a_master(
    redis_server: RedisFactory,
) -> None:
    server = redis_server()
    endpoint = Endpoint(server.url)
    seed(endpoint, pause_ms=0)
    sessions = TranscodeSessions()

    def promoted_soon() -> threading.Timer:
        """As when a Service leads to the new master only after a while."""
        server.client().replicaof("127.0.0.1", str(free_port()))
        timer = threading.Timer(1.0, lambda: server.client().replicaof("NO", "ONE"))
        timer.start()
        return timer

    async def asynchronously() -> None:
        async with open_async_store(endpoint, replicas=2) as store:
            timer = promoted_soon()
            second = TranscodeSession(play_session_id="second", owner="jellyfin-0")
            assert isinstance(await store.do(sessions.create(second)), Held)
            timer.join()

    with open_store(endpoint, replicas=2) as store:
        timer = promoted_soon()
        first = TranscodeSession(play_session_id="first", owner="jellyfin-0")
        assert isinstance(store.do(sessions.create(first)), Held)
        timer.join()
    asyncio.run(asynchronously())


def test_a_master_that_stays_a_replica_is_told(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(Endpoint(server.url), pause_ms=0)
    with open_store(Endpoint(server.url), replicas=2, patience=Patience(tries=2)) as store:
        server.client().replicaof("127.0.0.1", str(free_port()))
        record = TranscodeSession(play_session_id="film", owner="jellyfin-0")
        with pytest.raises(UserError, match="is a replica"), explained(Endpoint(server.url)):
            store.do(TranscodeSessions().create(record))
