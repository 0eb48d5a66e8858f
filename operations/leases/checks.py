"""Whether a Redis can be trusted with leases: each thing looked at, what was found, what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import redis

from .connection import Endpoint, lets_anyone_in


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: of the thing.
        passed: whether it is as it must be.
        found: what it is.
        expected: what it must be.
        remedy: how to set it.
    """

    name: str
    passed: bool
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        if self.passed:
            return f"{self.name}: {self.found}"
        return f"{self.name}: found {self.found}, expected {self.expected}; {self.remedy}"


def check_server(client: redis.Redis, endpoint: Endpoint, memory_limit_bytes: int | None) -> tuple[Check, ...]:
    """Look at everything that decides whether a lease can be lost, stolen or forgotten."""
    client.ping()
    return (
        _authentication(endpoint),
        _role(client),
        _setting(client, "maxmemory-policy", "noeviction", "otherwise Redis drops leases when memory is short"),
        _setting(client, "appendonly", "yes", "otherwise a restart forgets who leads and which terms were given"),
        _setting(client, "appendfsync", "always", "otherwise a crash forgets a term that was given already"),
        _append_only_file(client),
        _memory(client, memory_limit_bytes),
    )


def _authentication(endpoint: Endpoint) -> Check:
    open_to_all = lets_anyone_in(endpoint)
    return Check(
        name="password",
        passed=not open_to_all,
        found="not asked for" if open_to_all else "asked for",
        expected="a connection without one to be refused",
        remedy="set `requirepass` in redis.conf",
    )


def _role(client: redis.Redis) -> Check:
    role = str(_info(client, "replication").get("role", "unknown"))
    return Check(
        name="replication role",
        passed=role == "master",
        found=role,
        expected="master",
        remedy="give the URL of the master, or make this one the master with `REPLICAOF NO ONE`",
    )


def _setting(client: redis.Redis, name: str, expected: str, reason: str) -> Check:
    found = _config(client, name)
    return Check(name, found == expected, found, expected, f"set `{name} {expected}` in redis.conf, {reason}")


def _append_only_file(client: redis.Redis) -> Check:
    found = str(_info(client, "persistence").get("aof_last_write_status", "unknown"))
    return Check(
        name="last write of the append-only file",
        passed=found == "ok",
        found=found,
        expected="ok",
        remedy="see Redis's log; most often its volume is full",
    )


def _memory(client: redis.Redis, limit: int | None) -> Check:
    text = _config(client, "maxmemory")
    found = int(text) if text.isdigit() else 0
    expected = "more than 0" if limit is None else f"more than 0 and less than the container's {limit} bytes"
    return Check(
        name="maxmemory",
        passed=found > 0 and (limit is None or found < limit),
        found=f"{found} bytes" if text.isdigit() else text,
        expected=expected,
        remedy="set `maxmemory` in redis.conf (three quarters of the container's limit leave room for the "
        "append-only file's rewrite); otherwise the kernel kills Redis when memory is short",
    )


def _config(client: redis.Redis, name: str) -> str:
    try:
        return cast(Mapping[str, str], client.config_get(name)).get(name) or "nothing"
    except redis.ResponseError as error:
        return f"no answer ({error})"


def _info(client: redis.Redis, section: str) -> Mapping[str, object]:
    return cast(Mapping[str, object], client.info(section))
