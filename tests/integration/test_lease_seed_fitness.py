"""Only a Redis that cannot lose or give away a lease passes, and what is wrong is explained."""

from __future__ import annotations

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import Endpoint, seed
from tests.integration.conftest import RedisFactory
from tests.integration.processes import RedisServer, free_port

pytestmark = pytest.mark.integration

MIB = 1 << 20


def _refused(server: RedisServer, *, limit: int | None = None) -> str:
    """The words of the refusal; fails when anything was written."""
    before = sorted(server.client().keys())
    with pytest.raises(UserError) as refusal:
        seed(server.endpoint, memory_limit_bytes=limit)
    assert refusal.value.exit_code == 1
    assert sorted(server.client().keys()) == before
    return str(refusal.value)


def test_a_redis_as_the_project_sets_it_up_passes(redis_server: RedisFactory) -> None:
    server = redis_server()
    told: list[float | None] = []

    def listen(message: str, fraction: float | None = None, /) -> None:
        told.append(fraction)

    report = seed(server.endpoint, memory_limit_bytes=128 * MIB, progress=listen)

    assert all(check.passed for check in report.checks)
    assert {check.name for check in report.checks} >= {
        *("password", "replication role", "maxmemory-policy", "appendonly", "appendfsync", "maxmemory")
    }
    assert "term 3 took over from term 2, whose owner could no longer write" in report.summary()
    assert told == sorted(told, key=lambda fraction: fraction or 0)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, "maxmemory-policy: found allkeys-lru, expected noeviction"),
        ({"appendonly": "no"}, "appendonly: found no, expected yes"),
        ({"appendfsync": "everysec"}, "appendfsync: found everysec, expected always"),
        ({"maxmemory": "0"}, "maxmemory: found 0 bytes, expected more than 0 and less than the container's"),
        ({"maxmemory": "128mb"}, f"maxmemory: found {128 * MIB} bytes, expected more than 0 and less than"),
    ],
)
def test_a_setting_that_endangers_leases_is_explained(
    settings: dict[str, str], expected: str, redis_server: RedisFactory
) -> None:
    words = _refused(redis_server(settings=settings), limit=128 * MIB)
    assert expected in words
    assert f"set `{next(iter(settings))}" in words
    assert words.count("found") == 1


def test_everything_wrong_is_told_at_once(redis_server: RedisFactory) -> None:
    server = redis_server(
        password=None, settings={"appendonly": "no", "maxmemory": "0", "maxmemory-policy": "volatile-lru"}
    )
    words = _refused(server)
    assert "password: found not asked for, expected a connection without one to be refused" in words
    for name in ("maxmemory-policy", "appendonly", "maxmemory: found 0 bytes, expected more than 0;"):
        assert name in words


def test_a_password_that_redis_does_not_ask_for_is_no_protection(redis_server: RedisFactory) -> None:
    server = redis_server(password=None)
    with pytest.raises(UserError, match="password"):
        seed(Endpoint(server.url.replace("redis://", "redis://:unasked@")))
    assert server.client().keys() == []


def test_a_wrong_password_is_told_and_not_shown(redis_server: RedisFactory) -> None:
    server = redis_server()
    with pytest.raises(UserError, match="refuses the password") as refusal:
        seed(Endpoint(server.url.replace(str(server.password), "mistaken")))
    assert refusal.value.exit_code == 1
    assert "mistaken" not in str(refusal.value)
    assert "jellyfin-redis-credentials" in str(refusal.value)


def test_a_replica_is_refused(redis_server: RedisFactory) -> None:
    master = redis_server()
    replica = redis_server(settings={"replicaof": f"127.0.0.1 {master.port}", "masterauth": str(master.password)})
    assert "replication role: found slave, expected master" in _refused(replica)


def test_a_redis_that_is_full_is_explained(redis_server: RedisFactory) -> None:
    server = redis_server(settings={"maxmemory": "1mb"})
    assert "with room for new keys" in _refused(server)


def test_a_redis_that_hides_its_configuration_is_refused(redis_server: RedisFactory) -> None:
    server = redis_server(settings={"rename-command": 'CONFIG ""'})
    assert "maxmemory-policy: found no answer" in _refused(server)


def test_a_redis_that_does_not_answer_is_told() -> None:
    with pytest.raises(UserError, match=r"Redis at 127\.0\.0\.1:\d+ does not answer") as refusal:
        seed(Endpoint(f"redis://:hidden@127.0.0.1:{free_port()}/0"))
    assert refusal.value.exit_code == 1
    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize("url", ["http://x", "redis://:p@host:port/0", "nonsense"])
def test_a_malformed_url_is_bad_use(url: str) -> None:
    with pytest.raises(UserError) as refusal:
        Endpoint(url)
    assert refusal.value.exit_code == 2
