"""What the reference server reads: headers, queries, bodies, addresses, settings."""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path

import pytest

from jellyfin_ha.lab.mediaserver.auth_header import parse_header, read_identity
from jellyfin_ha.lab.mediaserver.client_address import client_address
from jellyfin_ha.lab.mediaserver.config_xml import load_configuration
from jellyfin_ha.lab.mediaserver.inputs import Body, Query
from jellyfin_ha.lab.mediaserver.passwords import matches
from jellyfin_ha.lab.mediaserver.settings import read_settings
from jellyfin_ha.lab.mediaserver.wire import ApiError
from jellyfin_ha.operations.errors import UserError


def test_the_header_is_split_outside_quotes_decoded_and_of_a_repeated_key_the_last_counts() -> None:
    header = 'mediabrowser Client="A, B", Device=plain, DeviceId="d%20+1", Token="old", token="x", Token="new"'
    assert parse_header(header, legacy=False) == {
        "Client": "A, B",
        "Device": "plain",
        "DeviceId": "d  1",
        "Token": "new",
        "token": "x",
    }


@pytest.mark.parametrize("header", ["", "MediaBrowser", 'Bearer Token="a"', 'Emby Token="a"'])
def test_other_schemes_and_headers_without_pairs_say_nothing(header: str) -> None:
    assert parse_header(header, legacy=False) == {}


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": 'Emby Token="t"'}, ""),
        ({"x-emby-authorization": 'MediaBrowser Token="t"'}, ""),
        ({"x-emby-token": "t"}, ""),
        ({"x-mediabrowser-token": "t"}, ""),
        ({}, "api_key=t"),
    ],
)
def test_the_five_old_forms_count_only_while_they_are_switched_on(headers: dict[str, str], query: str) -> None:
    assert read_identity(headers, Query(query), legacy=True).token == "t"
    assert read_identity(headers, Query(query), legacy=False).token is None


def test_the_api_key_parameter_counts_in_any_case_and_after_the_header() -> None:
    assert read_identity({}, Query("&apikey=q"), legacy=False).token == "q"
    both = read_identity({"authorization": 'MediaBrowser Token="h"'}, Query("ApiKey=q"), legacy=False)
    assert both.token == "h"
    empty = read_identity({"authorization": 'MediaBrowser Token=""'}, Query(""), legacy=False)
    assert empty.token is None


def test_lists_come_by_comma_or_by_repetition_and_keys_in_any_case() -> None:
    query = Query("includeItemTypes=Movie&IncludeItemTypes=Series,Episode&Recursive=True&STARTINDEX=5")
    assert query.words("includeitemtypes") == ["Movie", "Series", "Episode"]
    assert query.flag("recursive")
    assert query.number("startIndex") == 5


@pytest.mark.parametrize("text", ["startIndex=many", "recursive=maybe", "parentId=xyz"])
def test_ill_formed_parameters_are_answered_with_400(text: str) -> None:
    query = Query(text)
    with pytest.raises(ApiError) as raised:
        (query.number("startIndex"), query.flag("recursive"), query.guid("parentId"))
    assert raised.value.status == 400


def test_body_names_come_in_any_case_and_numbers_as_text() -> None:
    body = Body.parse(b'{"positionticks": "12", "DeviceProfile": {"Name": "p"}, "L": ["a"]}')
    assert body.number("PositionTicks") == 12
    profile = body.nested("deviceprofile")
    assert profile is not None
    assert profile.text("name") == "p"
    assert body.words("l") == ["a"]
    assert Body.parse(b" ").text("anything") is None
    for bad in (b"[]", b"{"):
        with pytest.raises(ApiError):
            Body.parse(bad)


def test_a_forwarded_address_counts_only_from_a_known_proxy() -> None:
    known = (ipaddress.ip_network("10.0.0.0/8"),)
    assert client_address("10.1.1.1", "203.0.113.9", known) == "203.0.113.9"
    assert client_address("10.1.1.1", "198.51.100.1, 203.0.113.9, 10.2.2.2", known) == "203.0.113.9"
    assert client_address("192.0.2.1", "203.0.113.9", known) == "192.0.2.1"
    assert client_address("10.1.1.1", "203.0.113.9", ()) == "10.1.1.1"


@pytest.mark.parametrize(("scheme", "digest", "length"), [("PBKDF2-SHA512", "sha512", 64), ("PBKDF2", "sha1", 32)])
def test_a_password_fits_its_hash_in_either_form(scheme: str, digest: str, length: int) -> None:
    salt = bytes(range(1, 17))
    hashed = hashlib.pbkdf2_hmac(digest, b"geheim\xc3\x9f", salt, 1000, length).hex().upper()
    stored = f"${scheme}$iterations=1000${salt.hex().upper()}${hashed}"
    assert matches(stored, "geheimß")
    assert not matches(stored, "geheim")


def test_without_a_stored_hash_only_the_empty_password_fits() -> None:
    assert matches(None, "")
    assert not matches(None, "x")


def test_missing_settings_files_are_written_with_jellyfins_defaults(tmp_path: Path) -> None:
    configuration = load_configuration(tmp_path / "config", tmp_path / "cache")
    assert (configuration.min_resume_percent, configuration.max_resume_percent) == (5, 90)
    assert configuration.min_resume_seconds == 300
    assert configuration.http_port == 8096
    assert configuration.legacy_authorization
    assert configuration.transcode_dir == tmp_path / "cache" / "transcodes"
    assert load_configuration(tmp_path / "config", tmp_path / "cache") == configuration


def test_settings_are_read_from_the_files_and_unknown_ones_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "system.xml").write_text("<ServerConfiguration><ServerName>Zoë</ServerName><X/></ServerConfiguration>")
    (tmp_path / "network.xml").write_text(
        "<NetworkConfiguration><InternalHttpPort>1234</InternalHttpPort>"
        "<KnownProxies><string>10.0.0.0/8</string><string>::1</string></KnownProxies></NetworkConfiguration>"
    )
    (tmp_path / "encoding.xml").write_text("<E><TranscodingTempPath>/data/transcode</TranscodingTempPath></E>")
    configuration = load_configuration(tmp_path, tmp_path)
    assert configuration.server_name == "Zoë"
    assert configuration.http_port == 1234
    assert [str(network) for network in configuration.known_proxies] == ["10.0.0.0/8", "::1/128"]
    assert configuration.transcode_dir == Path("/data/transcode")


def test_a_torn_system_file_is_replaced_by_defaults_and_a_torn_network_file_is_not(tmp_path: Path) -> None:
    for name in ("system.xml", "network.xml"):
        (tmp_path / name).write_text("<ServerConfiguration><ServerNa")
    configuration = load_configuration(tmp_path, tmp_path)
    assert not configuration.wizard_completed
    assert "<IsStartupWizardCompleted>false" in (tmp_path / "system.xml").read_text()
    assert (tmp_path / "network.xml").read_text().endswith("<ServerNa")


def test_the_environment_has_the_plugins_defaults() -> None:
    settings = read_settings({"POSTGRES_PASSWORD": "secret"})
    address = settings.database
    assert (address.host, address.port, address.name, address.user) == ("jellyfin", 5432, "jellyfin", "jellyfin")
    assert settings.config_dir == Path("/config/config")
    assert settings.reference.tokens == "snapshot"


def test_a_wrong_environment_names_every_fault() -> None:
    with pytest.raises(UserError, match=r"(?s)POSTGRES_PORT.*POSTGRES_PASSWORD") as raised:
        read_settings({"POSTGRES_PORT": "x"})
    assert raised.value.exit_code == 2
