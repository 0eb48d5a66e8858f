"""What servers see of leases when Redis or the way to it fails: nothing is won twice, and what stays wrong is told."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import (
    AsyncRedisStore,
    Endpoint,
    Found,
    Held,
    LiveStream,
    LiveStreams,
    Patience,
    Reason,
    RedisStore,
    Refused,
    RoleHeld,
    RoleLease,
    RoleRefused,
    Timing,
    TranscodeSession,
    TranscodeSessions,
    open_async_store,
    open_store,
    seed,
)
from jellyfin_ha.operations.leases.calls import Call
from jellyfin_ha.operations.leases.connection import explained
from jellyfin_ha.operations.leases.keys import lease_key, session_key
from tests.integration.conftest import RedisFactory
from tests.integration.processes import RedisServer, free_port, wait_until
from tests.integration.proxy import cutting_proxy

pytestmark = pytest.mark.integration

FILM = TranscodeSession(play_session_id="film", owner="a")
TUNER = LiveStream(live_stream_id="tuner", session_id="tv", play_session_id="play", owner="a")
SESSIONS = TranscodeSessions()


@pytest.fixture
def server(redis_server: RedisFactory) -> RedisServer:
    """A Redis that gives leases."""
    server = redis_server()
    seed(server.endpoint, pause_ms=0)
    return server


@contextmanager
def _store(endpoint: Endpoint, patience: Patience | None = None) -> Iterator[RedisStore]:
    client = endpoint.client(patience)
    try:
        yield RedisStore(client)
    finally:
        client.close()


def _held(answer: object) -> Any:
    assert isinstance(answer, Held)
    return answer


def _fill(client: redis.Redis) -> None:
    """From now on Redis uses more memory than it may."""
    client.config_set("maxmemory", 1)
    with pytest.raises(redis.OutOfMemoryError):
        client.set("more", "x")


def test_a_full_redis_makes_no_record_and_says_so(server: RedisServer) -> None:
    _fill(server.client())
    with _store(server.endpoint) as store:
        with pytest.raises(UserError, match="is full") as refusal, explained(server.endpoint):
            store.do(SESSIONS.create(FILM))
        assert refusal.value.exit_code == 1
    assert not server.client().exists(session_key("film"))


def test_a_full_redis_ends_no_lease(server: RedisServer) -> None:
    sessions = TranscodeSessions(Timing(lease_ms=300, renew_ms=100))
    with _store(server.endpoint) as store:
        held = _held(store.do(SESSIONS.create(FILM)))
        other = _held(store.do(sessions.create(TranscodeSession(play_session_id="other", owner="dead"))))
        leader = store.do(RoleLease("leader", "a", 30_000).acquire())
        assert isinstance(leader, RoleHeld)
        _fill(server.client())

        assert _held(store.do(SESSIONS.renew(FILM, held.token))).token == held.token
        further = FILM.model_copy(update={"last_segment": 7})
        _held(store.do(SESSIONS.progress(further, held.token)))
        told = store.do(SESSIONS.get(FILM.play_session_id))
        assert isinstance(told, Found)
        assert told.record.last_segment == 7
        assert store.do(RoleLease("leader", "a", 30_000).renew(leader.term))
        wait_until(
            lambda: isinstance(store.do(sessions.take_over(other.record, "b")), Held), seconds=5, what="the take-over"
        )
        assert store.do(RoleLease("leader", "a", 30_000).release(leader.term))
        assert isinstance(store.do(RoleLease("leader", "b", 30_000).acquire()), RoleHeld)
        assert _held(store.do(SESSIONS.delete(FILM, held.token)))


def test_a_cache_of_scripts_that_was_emptied_is_filled_again(server: RedisServer) -> None:
    with _store(server.endpoint) as store:
        held = _held(store.do(SESSIONS.create(FILM)))
        server.client().script_flush()
        assert _held(store.do(SESSIONS.renew(FILM, held.token))).token == held.token
        server.client().script_flush()
        assert store.do(SESSIONS.get("film"))

    async def also() -> None:
        async with open_async_store(server.endpoint, replicas=2) as store:
            server.client().script_flush()
            assert await store.do(SESSIONS.renew(FILM, held.token))

    asyncio.run(also())


def test_a_wrong_password_is_told_at_once(server: RedisServer) -> None:
    mistaken = Endpoint(server.url.replace(str(server.password), "mistaken"))
    for attempt in (_open, _open_async):
        before = _refused_connections(server)
        started = time.monotonic()
        with pytest.raises(UserError, match="refuses the password"):
            attempt(mistaken)
        assert time.monotonic() - started < 2
        assert _refused_connections(server) == before + 1


def test_a_redis_that_is_away_is_asked_as_often_as_agreed(server: RedisServer) -> None:
    for tries in (1, 3):
        accepted = 0

        def count() -> None:
            nonlocal accepted
            accepted += 1

        with (
            cutting_proxy(server.port, lambda _: True, times=None, told=count) as proxy,
            _store(_through(server, proxy.port), Patience(tries=tries)) as store,
            pytest.raises(redis.ConnectionError),
        ):
            store.do(SESSIONS.create(FILM))
        assert accepted == tries


def test_a_redis_that_dies_during_a_call_is_looked_for_as_often_as_agreed(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 4
    looked = 0
    look = redis.Connection._connect  # pyright: ignore[reportPrivateUsage]

    def counted(connection: redis.Connection) -> object:
        nonlocal looked
        looked += 1
        return look(connection)

    with _store(server.endpoint, Patience(tries=tries)) as store:
        store.client.ping()
        monkeypatch.setattr(redis.Connection, "_connect", counted)
        server.client().client_pause(20_000)
        looked = 0
        threading.Timer(0.2, server.crash).start()
        with pytest.raises(redis.ConnectionError):
            store.do(SESSIONS.create(FILM))
    assert 0 < looked <= tries


def _open(endpoint: Endpoint) -> None:
    with open_store(endpoint, replicas=2):
        pass


def _open_async(endpoint: Endpoint) -> None:
    async def opened() -> None:
        async with open_async_store(endpoint, replicas=2):
            pass

    asyncio.run(opened())


def _refused_connections(server: RedisServer) -> int:
    return int(server.client().info("errorstats").get("errorstat_WRONGPASS", {"count": 0})["count"])


def _through(server: RedisServer, port: int) -> Endpoint:
    return Endpoint(server.url.replace(f":{server.port}/", f":{port}/"))


def _is_call(portion: bytes) -> bool:
    return b"EVALSHA" in portion


@pytest.fixture(params=["threads", "asyncio"])
def ask_through_a_cut(request: pytest.FixtureRequest, server: RedisServer) -> Callable[[Call[object]], object]:
    """Asks a call whose first answer is lost on the way."""

    def ask(call: Call[object]) -> object:
        # Whatever happens, the script is known: the first EVALSHA is done.
        server.client().script_load(call.script)
        cuts: list[None] = []
        with cutting_proxy(server.port, _is_call, times=1, told=lambda: cuts.append(None)) as proxy:
            endpoint = _through(server, proxy.port)
            if request.param == "threads":
                with _store(endpoint) as store:
                    answer = store.do(call)
            else:

                async def asked() -> object:
                    async with open_async_store(endpoint, replicas=2) as store:
                        return await store.do(call)

                answer = asyncio.run(asked())
        assert len(cuts) == 1
        return answer

    return ask


def _left_ms(store: RedisStore) -> int:
    found = store.do(SESSIONS.get("film"))
    assert isinstance(found, Found)
    return found.left_ms


def _counter(server: RedisServer, name: str) -> int:
    return int(str(server.client().get(f"jellyfin-ha:fence:{name}")))


def test_a_record_whose_making_was_not_answered_is_held_once(
    server: RedisServer, ask_through_a_cut: Callable[[Call[object]], object]
) -> None:
    before = _counter(server, "transcode")
    held = _held(ask_through_a_cut(SESSIONS.create(FILM)))
    assert held.token == _counter(server, "transcode") == before + 1
    with _store(server.endpoint) as store:
        assert _held(store.do(SESSIONS.renew(FILM, held.token)))
        assert isinstance(store.do(SESSIONS.create(FILM)), Refused), "another call of the same owner wins nothing"


def test_a_stream_whose_making_was_not_answered_is_held_once(
    server: RedisServer, ask_through_a_cut: Callable[[Call[object]], object]
) -> None:
    before = _counter(server, "livestream")
    held = ask_through_a_cut(LiveStreams().create(TUNER))
    assert isinstance(held, Held)
    assert held.token == _counter(server, "livestream") == before + 1


def test_a_take_over_that_was_not_answered_is_held_once(
    server: RedisServer, ask_through_a_cut: Callable[[Call[object]], object]
) -> None:
    short = TranscodeSessions(Timing(lease_ms=50, renew_ms=20, retention_ms=60_000))
    with _store(server.endpoint) as store:
        first = _held(store.do(short.create(FILM)))
        wait_until(lambda: _left_ms(store) == 0, seconds=5, what="the end of the lease")
        held = _held(ask_through_a_cut(SESSIONS.take_over(FILM, "b")))
        assert held.token == _counter(server, "transcode") == first.token + 1
        assert held.record.owner == "b"
        assert store.do(SESSIONS.renew(FILM, first.token)) == Refused(Reason.LOST, "b")


def test_a_role_whose_winning_was_not_answered_is_held_once(
    server: RedisServer, ask_through_a_cut: Callable[[Call[object]], object]
) -> None:
    before = _counter(server, "leader")
    lease = RoleLease("leader", "a", 30_000)
    held = ask_through_a_cut(lease.acquire())
    assert isinstance(held, RoleHeld)
    assert held.term == _counter(server, "leader") == before + 1

    rival = RoleLease("leader", "b", 30_000)
    deposed = ask_through_a_cut(rival.depose(held.term))
    assert isinstance(deposed, RoleHeld)
    assert deposed.term == _counter(server, "leader") == before + 2


def test_a_renewal_that_was_not_answered_is_done_again(
    server: RedisServer, ask_through_a_cut: Callable[[Call[object]], object]
) -> None:
    with _store(server.endpoint) as store:
        held = _held(store.do(SESSIONS.create(FILM)))
    assert _held(ask_through_a_cut(SESSIONS.renew(FILM, held.token))).token == held.token


def test_a_removal_that_was_not_answered_finds_nothing_left(
    server: RedisServer, ask_through_a_cut: Callable[[Call[object]], object]
) -> None:
    with _store(server.endpoint) as store:
        held = _held(store.do(SESSIONS.create(FILM)))
    assert ask_through_a_cut(SESSIONS.delete(FILM, held.token)) == Refused(Reason.ABSENT)
    assert not [key for key in server.client().scan_iter() if "film" in str(key)]


@pytest.fixture
def replica(redis_server: RedisFactory, server: RedisServer) -> RedisServer:
    """A copy of `server`."""
    server.client().config_set("repl-diskless-sync-delay", 0)
    server.client().config_set("shutdown-timeout", 0)
    replica = redis_server(settings={"replicaof": f"127.0.0.1 {server.port}", "masterauth": str(server.password)})
    wait_until(
        lambda: bool(replica.client().exists("jellyfin-ha:fence:transcode")), seconds=20, what="the end of replication"
    )
    return replica


def test_a_replica_is_told(replica: RedisServer) -> None:
    with (
        _store(replica.endpoint, Patience(tries=2)) as store,
        pytest.raises(UserError, match="is a replica"),
        explained(replica.endpoint),
    ):
        store.do(SESSIONS.create(FILM))


@pytest.mark.parametrize("asyncio_too", [False, True])
def test_a_replica_that_becomes_the_master_meanwhile_answers_the_call(replica: RedisServer, asyncio_too: bool) -> None:
    promotion = threading.Timer(0.5, lambda: replica.client().execute_command("REPLICAOF NO ONE"))
    promotion.start()
    if asyncio_too:

        async def asked() -> object:
            client = replica.endpoint.async_client()
            try:
                return await AsyncRedisStore(client).do(SESSIONS.create(FILM))
            finally:
                await client.aclose()

        assert _held(asyncio.run(asked()))
    else:
        with _store(replica.endpoint) as store:
            assert _held(store.do(SESSIONS.create(FILM)))
    promotion.join()


def test_leases_outlive_a_restart_of_redis(server: RedisServer) -> None:
    with _store(server.endpoint) as store:
        held = _held(store.do(SESSIONS.create(FILM)))
        leader = store.do(RoleLease("leader", "a", 30_000).acquire())
        assert isinstance(leader, RoleHeld)
        server.crash()
        server.start()
        assert _held(store.do(SESSIONS.renew(FILM, held.token))).token == held.token
        assert store.do(RoleLease("leader", "a", 30_000).renew(leader.term))
        assert not isinstance(store.do(RoleLease("leader", "b", 30_000).acquire()), RoleHeld)


def test_a_call_waits_for_a_redis_that_is_away_and_reads_its_file_again(redis_server: RedisFactory) -> None:
    server = redis_server(settings={"enable-debug-command": "yes"})
    seed(server.endpoint, pause_ms=0)
    with _store(server.endpoint) as store:
        held = _held(store.do(SESSIONS.create(FILM)))
        client = server.client()
        with client.pipeline(transaction=False) as many:
            for number in range(15_000):
                many.set(f"filler:{number}", "x")
            many.execute()
        server.crash()
        # A slow disk: reading takes some 2 s, and Redis says meanwhile that it is loading.
        server.command = (*server.command, "--key-load-delay", "100")
        server.start(wait=False)
        loading = threading.Event()

        def watch() -> None:
            with _store(server.endpoint, Patience(tries=1)) as other:
                while not loading.is_set():
                    try:
                        other.client.get("filler:1")
                        return
                    except redis.BusyLoadingError:
                        loading.set()
                    except redis.ConnectionError:
                        time.sleep(0.01)

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert _held(store.do(SESSIONS.renew(FILM, held.token))).token == held.token
        watcher.join()
        assert loading.is_set()


def test_the_lease_of_a_role_that_is_garbage_is_given_to_nobody(server: RedisServer) -> None:
    server.client().set(lease_key("leader"), "garbage", px=60_000)
    with _store(server.endpoint) as store:
        refused = store.do(RoleLease("leader", "a", 30_000).acquire())
        assert isinstance(refused, RoleRefused)
        assert refused.owner == ""
        assert 0 < refused.left_ms <= 60_000
    assert server.client().get(lease_key("leader")) == "garbage"


def test_nobody_listening_is_told() -> None:
    with (
        pytest.raises(UserError, match="does not answer"),
        open_store(Endpoint(f"redis://127.0.0.1:{free_port()}/0"), replicas=2, patience=Patience(tries=1)),
    ):
        pass


def test_the_store_that_was_chosen_is_logged_without_its_password(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        _open(server.endpoint)
        _open_async(server.endpoint)
    place = f"leases are kept in Redis at 127.0.0.1:{server.port}"
    assert [record.message for record in caplog.records if "leases" in record.message] == [place, place]
    assert str(server.password) not in caplog.text
