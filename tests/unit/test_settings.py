"""What a stack file may say, and what its author is told when it says something else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from jellyfin_ha.infra.configuration import read_stack_file, settings_of
from jellyfin_ha.infra.settings import parse_settings
from jellyfin_ha.operations.errors import UserError

ROOT = Path(__file__).parents[2]

MINIMAL: dict[str, Any] = {
    "server": {"image": "jellyfin:1", "url": "http://jellyfin.home"},
    "storage": {"config": {"storageClass": "nfs"}, "media": {"nfs": {"server": "nas", "path": "/media"}}},
}


def refusal(values: dict[str, Any]) -> UserError:
    with pytest.raises(UserError) as caught:
        parse_settings(values, origin="Pulumi.test.yaml")
    return caught.value


def test_the_committed_dev_stack_can_be_used() -> None:
    path = ROOT / "Pulumi.dev.yaml"
    assert settings_of(read_stack_file(path), origin=str(path)).server.replicas == 2


def test_a_small_stack_file_gets_two_replicas_of_everything_that_matters() -> None:
    settings = parse_settings(MINIMAL, origin="test")
    assert settings.server.replicas == 2
    assert settings.database.image == "postgres:17"
    assert settings.lease_store.image == "redis:8"
    assert settings.mode == "active-active"
    assert settings.migration is None


def test_all_mistakes_are_named_at_once_with_key_and_value() -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"]["replicas"] = "two"
    values["serverr"] = {}
    values["database"] = {"storage": {"size": "ten"}}
    del values["storage"]["media"]
    error = refusal(values)
    assert error.exit_code == 2
    text = str(error)
    assert "4 settings" in text
    for part in (
        "jellyfin-ha:server.replicas: found 'two'",
        "jellyfin-ha:serverr: unknown key",
        "jellyfin-ha:database.storage.size: found 'ten'",
        "jellyfin-ha:storage.media: missing",
    ):
        assert part in text


def test_numbers_may_come_as_text_as_pulumi_config_set_writes_them() -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"]["replicas"] = "3"
    assert parse_settings(values, origin="test").server.replicas == 3


@pytest.mark.parametrize("nothing", [{}, None, ""], ids=["{}", "null", "null as Pulumi hands it on"])
def test_no_migration_may_be_said_as_well_as_left_out(nothing: object) -> None:
    assert parse_settings({**MINIMAL, "migration": nothing}, origin="test").migration is None


def test_a_stack_may_have_no_server_yet() -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"]["replicas"] = 0
    assert parse_settings(values, origin="test").server.replicas == 0
    values["server"]["replicas"] = -1
    assert "jellyfin-ha:server.replicas: found -1" in str(refusal(values))


@pytest.mark.parametrize("source", [{}, {"storageClass": "a", "hostPath": "/b"}])
def test_a_shared_volume_has_exactly_one_source(source: dict[str, str]) -> None:
    values = copy.deepcopy(MINIMAL)
    values["storage"]["config"] = source
    assert "exactly one of nfs, storageClass, existingClaim, hostPath" in str(refusal(values))


LONGHORN = {"recurringJobs": {"nightly": {"task": "backup", "cron": "0 3 * * *"}}}


def test_the_database_may_be_on_longhorn_with_copies_and_backups() -> None:
    values = {**MINIMAL, "database": {"storage": {"size": "10Gi", "longhorn": LONGHORN}}}
    longhorn = parse_settings(values, origin="test").database.storage.longhorn
    assert longhorn is not None
    assert longhorn.number_of_replicas == 2
    assert longhorn.recurring_jobs["nightly"].retain == 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"storageClass": "x", "longhorn": LONGHORN}, "storageClass or longhorn, not both"),
        ({"longhorn": {"dataLocality": "strict-local"}}, "numberOfReplicas 1 with dataLocality strict-local"),
        ({"longhorn": {"recurringJobs": {"a": {"task": "copy", "cron": "0 3 * * *"}}}}, "'snapshot' or 'backup'"),
        ({"longhorn": {"recurringJobs": {"a": {"task": "backup", "cron": "daily"}}}}, "recurringJobs.a.cron"),
        ({"longhorn": {"nodeSelector": ["a,b"]}}, "longhorn.nodeSelector.0: found 'a,b'"),
        (
            {"longhorn": {"recurringJobs": {"n" * 30: {"task": "backup", "cron": "0 3 * * *"}}}},
            "database.storage.longhorn.recurringJobs: expected a key that makes a name of at most 40 characters",
        ),
    ],
)
def test_what_longhorn_would_not_do_is_refused(change: dict[str, Any], said: str) -> None:
    assert said in str(refusal({**MINIMAL, "database": {"storage": {"size": "10Gi", **change}}}))


def test_the_servers_own_volumes_are_of_one_kind() -> None:
    values = copy.deepcopy(MINIMAL)
    values["storage"]["perPod"] = {"emptyDir": True, "storageClass": "fast"}
    assert "at most one of storageClass, longhorn, emptyDir" in str(refusal(values))


@pytest.mark.parametrize("image", ["jellyfin:1", "ghcr.io/jpvenson/jellyfin.pgsql:10.11.11-1"])
def test_transcodes_are_not_shared_by_servers_that_would_delete_them(image: str) -> None:
    values = copy.deepcopy(MINIMAL)
    values["server"]["image"] = image
    values["storage"]["transcode"] = {"storageClass": "cephfs"}
    error = refusal(values)
    assert "jellyfin-ha:storage.transcode: expected a server image that goes on with another server's" in str(error)
    assert image in str(error)
    assert error.exit_code == 2


def test_a_missing_stack_file_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Pulumi\.none\.yaml, found none") as caught:
        read_stack_file(tmp_path / "Pulumi.none.yaml")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", ["config: [", "[]", "config: 3"])
def test_a_stack_file_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        read_stack_file(path)
    assert caught.value.exit_code == 2


def test_keys_of_other_packages_are_left_alone() -> None:
    content = {"config": {"kubernetes:context": "home", **{f"jellyfin-ha:{k}": v for k, v in MINIMAL.items()}}}
    assert settings_of(yaml.safe_load(yaml.safe_dump(content)), origin="test").namespace == "jellyfin"
