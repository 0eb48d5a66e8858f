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


def test_what_one_sqlite_server_cannot_have_is_refused_all_at_once() -> None:
    values = {**copy.deepcopy(MINIMAL), "migration": {"done": True}, "leaseStore": {"memoryMib": 64}}
    values["server"] |= {"flavor": "sqlite", "replicas": 2}
    text = str(refusal(values))
    assert "3 settings" in text
    for part in ("server.replicas: found 2; expected 1 or 0", "migration: found a value", "leaseStore: found a value"):
        assert f"jellyfin-ha:{part}" in text
    values = {**copy.deepcopy(MINIMAL), "migration": {}}
    values["server"] |= {"flavor": "sqlite", "replicas": 1}
    assert parse_settings(values, origin="test").server.flavor == "sqlite"


@pytest.mark.parametrize("source", [{}, {"storageClass": "a", "hostPath": "/b"}])
def test_a_shared_volume_has_exactly_one_source(source: dict[str, str]) -> None:
    values = copy.deepcopy(MINIMAL)
    values["storage"]["config"] = source
    assert "exactly one of nfs, storageClass, existingClaim, hostPath" in str(refusal(values))


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
