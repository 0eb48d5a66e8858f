"""`make up`, again and again."""

from __future__ import annotations

import json
import time

import pytest
import yaml

from tests.e2e.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

# What the user is promised for an `up` that has nothing to do.
NOTHING_TO_DO_SECONDS = 90


def test_both_replicas_are_ready_on_different_nodes(stack: Stack) -> None:
    replicas = stack.status()["replicas"]
    assert [replica["name"] for replica in replicas] == ["jellyfin-0", "jellyfin-1"]
    assert all(replica["ready"] and replica["role"] == "serving" for replica in replicas)
    assert len({replica["node"] for replica in replicas}) == 2


def test_status_tells_what_its_contract_says(stack: Stack) -> None:
    status = stack.status()
    assert set(status) == {
        "url",
        "stack",
        "namespace",
        "replicas",
        "leader",
        "database",
        "lease_store",
        "migration",
        "versions",
    }
    assert status["stack"] == "dev"
    assert status["leader"] is None, "in active-active nobody leads"
    assert status["database"] == {"ready": True, "mode": "single"}
    assert status["lease_store"] == {"ready": True, "mode": "single"}
    assert set(status["migration"]) == {"state", "source_fingerprint", "finished_at", "rows"}
    assert status["migration"]["rows"] > 0


def test_up_again_changes_nothing_and_migrates_nothing(stack: Stack) -> None:
    before = stack.status()["migration"]
    started = time.monotonic()
    printed = stack.make("up")
    assert time.monotonic() - started < NOTHING_TO_DO_SECONDS
    assert "changes      none" in printed
    assert stack.status()["migration"] == before


def test_up_ends_by_saying_what_a_person_needs_next(stack: Stack) -> None:
    printed = stack.command.ok("up")
    for part in (stack.status()["url"], "alice", "bob", "jellyfin-0", "jellyfin-1", "in all", "try next"):
        assert part in printed


def test_a_changed_setting_changes_only_what_it_must(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    as_run = stack.instance.state / "pulumi" / "Pulumi.dev.yaml"
    content = yaml.safe_load(as_run.read_text())
    content["config"]["jellyfin-ha:leaseStore"]["memoryMib"] = 320
    changed = tmp_path_factory.mktemp("stack") / "Pulumi.dev.yaml"
    changed.write_text(yaml.safe_dump(content))
    preview = json.loads(stack.pulumi("preview", "--json", "--config-file", str(changed)))
    steps = {step["urn"].rsplit("::", 1)[1]: step["op"] for step in preview["steps"] if step["op"] != "same"}
    assert steps == {"jellyfin-redis-config": "update", "jellyfin-redis": "update", "jellyfin-leases": "update"}


def test_no_secret_is_readable_in_the_stacks_state(stack: Stack) -> None:
    password = stack.kubectl(
        "get",
        "secret",
        "jellyfin-postgres-credentials",
        "--output",
        "go-template={{.data.POSTGRES_PASSWORD|base64decode}}",
    )
    assert len(password) >= 32
    assert password not in stack.pulumi("stack", "export")
    assert password not in stack.pulumi("stack", "output", "--json")


def test_a_port_forward_does_not_open_the_database_without_its_password(stack: Stack) -> None:
    script = "PGPASSWORD=wrong psql -h 127.0.0.1 -U jellyfin -d jellyfin -c 'SELECT 1' 2>&1 || true"
    said = stack.kubectl("exec", "jellyfin-postgres-0", "--", "sh", "-c", script)
    assert "password authentication failed" in said


def test_other_stacks_read_names_and_no_values(stack: Stack) -> None:
    outputs = json.loads(stack.pulumi("stack", "output", "--json"))
    assert outputs["contract_version"] == 1
    assert outputs["service"] == {"name": "jellyfin", "port": 8096}
    assert outputs["secrets"] == {
        "database": "jellyfin-postgres-credentials",
        "lease_store": "jellyfin-redis-credentials",
    }
    assert set(outputs["volumes"]) == {"config", "media"}
    assert set(outputs["images"]) == set(outputs["selectors"]) == {"server", "database", "lease_store"}
