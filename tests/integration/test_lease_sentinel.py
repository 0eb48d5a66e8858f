"""A store behind Sentinel goes on when the master changes; so does a leader."""

from __future__ import annotations

import asyncio
import signal
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import (
    Endpoint,
    Held,
    Patience,
    Timing,
    TranscodeSession,
    TranscodeSessions,
    open_async_store,
    open_store,
    seed,
)
from jellyfin_ha.operations.leases.connection import explained
from tests.integration.certificates import make_certificates
from tests.integration.conftest import RedisFactory
from tests.integration.lease_sentinels import MASTER, Watched, running_sentinel, watched_redis
from tests.integration.lease_stores import command
from tests.integration.processes import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SESSIONS = TranscodeSessions(Timing(lease_ms=60_000, retention_ms=600_000))
# What a fail-over of a master that was killed may take: a second until it counts as gone, and elections among the
# Sentinels of which the first may fail.
FAIL_OVER_SECONDS = 30.0
PATIENT = Patience(tries=90)


def session(name: str) -> TranscodeSession:
    return TranscodeSession(play_session_id=name, owner="jellyfin-0")


def prepared(watched: Watched) -> Endpoint:
    endpoint = Endpoint(watched.url)
    seed(endpoint, pause_ms=0)
    return endpoint


def in_step(watched: Watched) -> None:
    """Let the replica have everything."""
    with watched.master().client() as client:
        client.set("jellyfin-ha:test", "x")
        assert client.wait(1, 10_000) == 1


def test_it_finds_the_master_whichever_it_is() -> None:
    with watched_redis() as watched:
        endpoint = prepared(watched)
        assert command("status", "--redis", watched.url).returncode == 0
        watched.fail_over()
        done = command("status", "--redis", watched.url)
        assert done.returncode == 0, done.stderr
        assert f"leases of the Sentinels 127.0.0.1:{watched.sentinels[0][0]}" in done.stdout
        assert watched.password not in done.stdout
        with open_store(endpoint, replicas=2) as store:
            assert isinstance(store.do(SESSIONS.create(session("film"))), Held)


def test_a_store_goes_on_when_the_master_is_demoted() -> None:
    with watched_redis() as watched, open_store(prepared(watched), replicas=2, patience=PATIENT) as store:
        first = store.do(SESSIONS.create(session("film")))
        assert isinstance(first, Held)
        in_step(watched)
        watched.fail_over()
        # The connection to the old master is still open where Redis has not cut it: it refuses to write.
        renewed = store.do(SESSIONS.renew(session("film"), first.token))
        assert isinstance(renewed, Held)
        assert renewed.token == first.token
        second = store.do(SESSIONS.create(session("other")))
        assert isinstance(second, Held)
        assert second.token > first.token


def test_a_store_with_asyncio_goes_on_when_the_master_is_demoted() -> None:
    async def go(watched: Watched, endpoint: Endpoint) -> None:
        async with open_async_store(endpoint, replicas=2, patience=PATIENT) as store:
            first = await store.do(SESSIONS.create(session("film")))
            assert isinstance(first, Held)
            in_step(watched)
            await asyncio.to_thread(watched.fail_over)
            renewed = await store.do(SESSIONS.renew(session("film"), first.token))
            assert isinstance(renewed, Held)
            second = await store.do(SESSIONS.create(session("other")))
            assert isinstance(second, Held)
            assert second.token > first.token

    with watched_redis() as watched:
        asyncio.run(go(watched, prepared(watched)))


def test_a_store_goes_on_when_the_master_and_a_sentinel_are_killed() -> None:
    with watched_redis(sentinels=3) as watched:
        endpoint = prepared(watched)

        async def go() -> None:
            async with open_async_store(endpoint, replicas=2, patience=PATIENT) as async_store:
                assert isinstance(await async_store.do(SESSIONS.renew(session("film"), first.token)), Held)

        with open_store(endpoint, replicas=2, patience=PATIENT) as store:
            first = store.do(SESSIONS.create(session("film")))
            assert isinstance(first, Held)
            in_step(watched)
            # The first is the one that everybody asks first; both may have been on one machine.
            watched.sentinels[0][1].kill()
            watched.master().process.kill()
            started = time.monotonic()
            assert isinstance(store.do(SESSIONS.renew(session("film"), first.token)), Held)
            assert time.monotonic() - started < FAIL_OVER_SECONDS
            started = time.monotonic()
            asyncio.run(go())
            assert time.monotonic() - started < 3, "a Sentinel that is away costs nobody any time"


def test_a_call_that_is_under_way_when_the_master_freezes_is_done_by_the_new_one() -> None:
    hasty = Patience(answer_seconds=1.0, tries=60)

    async def asynchronously(watched: Watched, endpoint: Endpoint) -> None:
        async with open_async_store(endpoint, replicas=2, patience=hasty) as store:
            with frozen(watched):
                assert isinstance(await store.do(SESSIONS.create(session("second"))), Held)

    with watched_redis() as watched:
        endpoint = prepared(watched)
        with open_store(endpoint, replicas=2, patience=hasty) as store, frozen(watched):
            assert isinstance(store.do(SESSIONS.create(session("first"))), Held)
        watched.settle()
        asyncio.run(asynchronously(watched, endpoint))


@contextmanager
def frozen(watched: Watched) -> Generator[None]:
    """The master, for as long as the block runs: its connections stay open, and nothing comes from them."""
    in_step(watched)
    process = watched.master().process
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_sentinels_may_ask_for_a_password_of_their_own() -> None:
    with watched_redis(sentinel_password="guarded") as watched:
        endpoint = prepared(watched)
        with open_store(endpoint, replicas=2) as store:
            assert store.do(SESSIONS.get("x")) is None
        for wrong, words in (
            (watched.url.replace("=guarded", "=mistaken"), "invalid username-password pair"),
            (watched.url.replace(watched.password, "mistaken"), "refuses the password"),
            (watched.url.replace("/leases?", "/unheard-of?"), "it knows no master unheard-of"),
        ):
            for way in (_synchronously, _asynchronously):
                started = time.monotonic()
                with pytest.raises(UserError) as refusal:
                    way(Endpoint(wrong))
                assert refusal.value.exit_code == 1
                assert words in str(refusal.value)
                assert "object at" not in str(refusal.value)
                for secret in ("guarded", "mistaken", watched.password):
                    assert secret not in str(refusal.value)
                assert time.monotonic() - started < 8


def test_sentinels_and_their_master_are_reached_by_tls(redis_server: RedisFactory, tmp_path: Path) -> None:
    ours, theirs = make_certificates(tmp_path / "ours"), make_certificates(tmp_path / "theirs")
    tls = {
        "tls-cert-file": str(ours.certificate),
        "tls-key-file": str(ours.key),
        "tls-ca-cert-file": str(ours.authority),
        "tls-auth-clients": "no",
    }
    server = redis_server(settings=tls)
    port = free_port()
    server.client().config_set("tls-port", port)
    by_tls = {**tls, "port": "0", "tls-port": str(free_port()), "tls-replication": "yes"}
    with running_sentinel(port, str(server.password), settings=by_tls) as (sentinel, _):
        url = f"rediss+sentinel://:{server.password}@127.0.0.1:{sentinel}/{MASTER}?ssl_ca_certs="
        for way in (_synchronously, _asynchronously):
            way(Endpoint(f"{url}{ours.authority}"))
            with pytest.raises(UserError, match="certificate verify failed"):
                way(Endpoint(f"{url}{theirs.authority}"))


def test_no_sentinel_at_all_is_told_in_the_time_that_was_promised() -> None:
    endpoint = Endpoint("redis+sentinel://:hidden@127.0.0.1:1,127.0.0.1:2/leases")
    for way in (_synchronously, _asynchronously):
        started = time.monotonic()
        with pytest.raises(UserError, match=r"leases of the Sentinels 127\.0\.0\.1:1.* does not answer") as refusal:
            way(endpoint)
        assert time.monotonic() - started < 10
        assert "hidden" not in str(refusal.value)


def test_a_store_that_is_closed_leaves_no_connection_to_a_sentinel() -> None:
    with watched_redis() as watched:
        endpoint = prepared(watched)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with watched.sentinel() as client:
                before = _clients(client)
                for way in (_synchronously, _asynchronously):
                    way(endpoint)
                assert _clients(client) == before
        assert [str(one.message) for one in caught if one.category is ResourceWarning] == []


def _clients(client: object) -> int:
    found = client.client_list()  # type: ignore[attr-defined]
    return len([one for one in found if one["cmd"] != "client|list" and not one["name"]])


def _synchronously(endpoint: Endpoint) -> None:
    with open_store(endpoint, replicas=2), explained(endpoint):
        pass


def _asynchronously(endpoint: Endpoint) -> None:
    async def go() -> None:
        async with open_async_store(endpoint, replicas=2):
            pass

    with explained(endpoint):
        asyncio.run(go())
