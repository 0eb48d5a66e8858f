"""Bad input: a clear error, exit code 2, and nothing half made."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import ROOT, Command, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

QUICK_SECONDS = 60.0

Change = dict[str, Any]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of one's own stack file; the rest is the project's."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("infra", "Pulumi.yaml"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def write_stack(checkout: Path, change: Change) -> None:
    content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
    content["config"].update(change)
    (checkout / "Pulumi.dev.yaml").write_text(yaml.safe_dump(content))


def refused(checkout: Path, tmp_path: Path, *arguments: str, **environment: str) -> str:
    """Runs `up`, which must refuse with 2 and make nothing; returns what it said."""
    state = tmp_path / "state"
    done = Command(checkout).run(
        "up", *arguments, environment={"JELLYFIN_HA_STATE": str(state), **environment}, timeout=QUICK_SECONDS
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert not list(state.rglob("*.pid")), "no process was started"
    return done.stderr


def test_all_mistakes_in_a_stack_file_are_said_at_once(checkout: Path, tmp_path: Path) -> None:
    write_stack(checkout, {"jellyfin-ha:nmespace": "x", "jellyfin-ha:database": {"maxConnections": "many"}})
    said = refused(checkout, tmp_path)
    assert "jellyfin-ha:nmespace: unknown key" in said
    assert "jellyfin-ha:database.maxConnections: found 'many'" in said


def test_a_missing_stack_file_is_named(checkout: Path, tmp_path: Path) -> None:
    assert "Pulumi.other.yaml, found none" in refused(checkout, tmp_path, "--stack", "other")


def test_a_missing_database_to_migrate_is_named(checkout: Path, tmp_path: Path) -> None:
    write_stack(checkout, {"jellyfin-ha:migration": {"source": "/nowhere/jellyfin.db"}})
    assert "/nowhere/jellyfin.db" in refused(checkout, tmp_path)


def test_a_file_that_is_no_sqlite_database_is_refused(checkout: Path, tmp_path: Path) -> None:
    source = tmp_path / "jellyfin.db"
    source.write_text("not a database, but long enough to be taken for one by a careless reader\n" * 20)
    write_stack(checkout, {"jellyfin-ha:migration": {"source": str(source)}})
    assert str(source) in refused(checkout, tmp_path)


def test_a_database_of_something_else_is_refused(checkout: Path, tmp_path: Path) -> None:
    source = tmp_path / "other.db"
    with sqlite3.connect(source) as database:
        database.execute("CREATE TABLE photos (id INTEGER)")
    write_stack(checkout, {"jellyfin-ha:migration": {"source": str(source)}})
    assert str(source) in refused(checkout, tmp_path)


def test_an_unreachable_cluster_is_said_with_its_context(checkout: Path, tmp_path: Path) -> None:
    write_stack(checkout, {})
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:9"}}],
                "users": [{"name": "me", "user": {"token": "x"}}],
                "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "me"}}],
            }
        )
    )
    said = refused(checkout, tmp_path, "--context", "gone", KUBECONFIG=str(kubeconfig))
    assert "gone" in said
    assert "kubectl version" in said


def test_a_context_that_is_not_there_is_said(checkout: Path, tmp_path: Path) -> None:
    write_stack(checkout, {})
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n")
    assert "elsewhere" in refused(checkout, tmp_path, "--context", "elsewhere", KUBECONFIG=str(kubeconfig))


def test_a_folder_that_is_no_checkout_is_said(tmp_path: Path) -> None:
    done = Command(tmp_path).run("up", timeout=QUICK_SECONDS)
    assert done.returncode == 2
    assert "found no Pulumi.yaml" in done.stderr


def test_a_wrong_passphrase_is_said_before_anything_changes(stack: Stack) -> None:
    done = stack.command.run("up", environment={"PULUMI_CONFIG_PASSPHRASE": "wrong"})
    assert done.returncode == 2, done.stdout + done.stderr
    assert "expected the passphrase with which the stack was made" in done.stderr
