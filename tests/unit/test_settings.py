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


BEHIND_TRAEFIK: dict[str, Any] = {
    "server": {"image": "jellyfin:1", "url": "https://films.example.org", "knownProxies": ["10.42.0.0/16"]},
    "storage": MINIMAL["storage"],
    "ingress": {"type": "traefik"},
}


def test_an_ingress_is_none_unless_its_type_is_said() -> None:
    assert parse_settings(MINIMAL, origin="test").ingress is None
    assert parse_settings({**MINIMAL, "ingress": {}}, origin="test").ingress is None
    ingress = parse_settings(BEHIND_TRAEFIK, origin="test").ingress
    assert ingress is not None
    assert (ingress.type, ingress.affinity) == ("traefik", "address")
    assert "'traefik', 'ingress', 'gateway'" in str(refusal({**BEHIND_TRAEFIK, "ingress": {"type": "nginx"}}))


def test_a_key_of_another_kind_of_ingress_is_named_as_it_stands_in_the_file() -> None:
    ingress = {"type": "traefik", "parent": {}, "tls": {"issuer": {"name": "A B"}}}
    text = str(refusal({**BEHIND_TRAEFIK, "ingress": ingress}))
    assert "jellyfin-ha:ingress.parent: unknown key" in text
    assert "jellyfin-ha:ingress.tls.issuer.name: found 'A B'" in text


def test_an_ingress_without_known_proxies_is_refused_with_the_reason() -> None:
    values = {**BEHIND_TRAEFIK, "server": MINIMAL["server"]}
    text = str(refusal(values))
    assert "jellyfin-ha:server.knownProxies: found []" in text
    assert "/System/Restart without a token" in text


@pytest.mark.parametrize("proxy", ["10.42.0.0/16", "10.0.0.0/8", "192.168.1.7", "2001:db8::/48", "::1"])
def test_known_proxies_are_addresses_and_networks(proxy: str) -> None:
    values = copy.deepcopy(BEHIND_TRAEFIK)
    values["server"]["knownProxies"] = [proxy]
    assert parse_settings(values, origin="test").server.known_proxies == [proxy]


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("0.0.0.0/0", "can claim any address"),
        ("::/0", "can claim any address"),
        ("128.0.0.0/1", "networks of /8 or narrower"),
        ("2000::/32", "networks of /48 or narrower"),
        ("10.42.0.1/16", "has host bits set"),
        ("traefik", "expected an IP address or a network"),
    ],
)
def test_proxies_that_are_everybody_or_nobody_are_refused(proxy: str, reason: str) -> None:
    values = copy.deepcopy(BEHIND_TRAEFIK)
    values["server"]["knownProxies"] = ["10.42.0.0/16", proxy]
    text = str(refusal(values))
    assert f"jellyfin-ha:server.knownProxies.1: found '{proxy}'" in text
    assert reason in text


def test_all_that_does_not_go_together_is_named_at_once() -> None:
    server = {"image": "jellyfin:1", "url": "http://192.168.1.10:8096"}
    ingress = {"type": "ingress", "tls": {"secretName": "mine"}}
    text = str(refusal({**BEHIND_TRAEFIK, "server": server, "ingress": ingress}))
    assert "4 settings" in text
    for part in (
        "jellyfin-ha:server.knownProxies: found []",
        "jellyfin-ha:server.url: found 'http://192.168.1.10:8096'; expected http(s)://<DNS name>",
        "jellyfin-ha:ingress.acceptsUnprotectedPaths: found False",
        "jellyfin-ha:ingress.affinity: found None",
    ):
        assert part in text


def test_certificates_need_an_https_url_and_one_source() -> None:
    plain = {**BEHIND_TRAEFIK["server"], "url": "http://films.example.org"}
    tls = {"type": "traefik", "tls": {"secretName": "mine"}}
    assert "server.url: found 'http://films.example.org'; expected https" in str(
        refusal({**BEHIND_TRAEFIK, "server": plain, "ingress": tls})
    )
    gateway = {
        "type": "gateway",
        "affinity": "controller",
        "parent": {"name": "a", "section": "b", "plainSection": "c"},
    }
    assert "expected https where ingress.parent.plainSection" in str(
        refusal({**BEHIND_TRAEFIK, "server": plain, "ingress": gateway})
    )
    both = {"type": "traefik", "tls": {"secretName": "mine", "issuer": {"name": "x"}}}
    assert "either issuer or secretName" in str(refusal({**BEHIND_TRAEFIK, "ingress": both}))


@pytest.mark.parametrize(
    "ingress",
    [{"type": "ingress", "acceptsUnprotectedPaths": True}, {"type": "gateway", "parent": {"name": "public"}}],
)
def test_several_servers_need_somebody_who_keeps_a_client_on_one(ingress: dict[str, Any]) -> None:
    assert "ingress.affinity" in str(refusal({**BEHIND_TRAEFIK, "ingress": ingress}))
    alone = {**BEHIND_TRAEFIK["server"], "replicas": 1}
    assert parse_settings({**BEHIND_TRAEFIK, "server": alone, "ingress": ingress}, origin="test").ingress
    kept = {**ingress, "affinity": "controller"}
    assert parse_settings({**BEHIND_TRAEFIK, "ingress": kept}, origin="test").ingress
