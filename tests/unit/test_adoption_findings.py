"""What will not fit behind a cluster is named and left as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from .old_server import NETWORK, copy, look, make, write, write_database


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"


def _findings(tmp_path: Path, new: Path, more: Mapping[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    found = look(make(tmp_path / "old", more=dict(more)), new)
    return {(one.file, one.name): (one.value, one.advice) for one in found.findings}


def test_a_server_that_fits_has_nothing_to_look_at(tmp_path: Path, new: Path) -> None:
    assert _findings(tmp_path, new, {}) == {}


@pytest.mark.parametrize(
    ("file", "setting", "value"),
    [
        ("network.xml", "BaseUrl", "/jellyfin"),
        ("network.xml", "CertificatePath", "/etc/ssl/jellyfin.pfx"),
        ("network.xml", "InternalHttpPort", "8099"),
        ("network.xml", "EnableUPnP", "true"),
        ("network.xml", "AutoDiscovery", "true"),
        ("network.xml", "EnableHttps", "true"),
        ("network.xml", "EnableRemoteAccess", "false"),
        ("system.xml", "MetadataPath", "/mnt/fast/metadata"),
        ("system.xml", "CachePath", "/mnt/fast/cache"),
        ("system.xml", "IsStartupWizardCompleted", "false"),
        ("encoding.xml", "TranscodingTempPath", "/mnt/fast/transcodes"),
        ("encoding.xml", "TranscodingTempPath", ""),
        ("encoding.xml", "HardwareAccelerationType", "vaapi"),
        ("livetv.xml", "RecordingPath", "/srv/recordings"),
    ],
)
def test_a_setting_that_does_not_fit_is_named_and_copied_unchanged(
    file: str, setting: str, value: str, tmp_path: Path, new: Path
) -> None:
    text = f"<Configuration><{setting}>{value}</{setting}></Configuration>"
    old = make(tmp_path / "old", more={f"config/{file}": text})
    found = look(old, new)
    (finding,) = [one for one in found.findings if one.name == setting]
    assert (finding.file, finding.value) == (f"config/{file}", value)
    assert finding.advice
    copy(found)
    assert (new / "config" / file).read_text() == text


def test_lists_of_addresses_are_named_with_all_their_members(tmp_path: Path, new: Path) -> None:
    text = NETWORK.replace(
        "<BaseUrl />",
        "<KnownProxies><string>10.0.0.1</string><string>10.0.0.2</string></KnownProxies><LocalNetworkAddresses />",
    )
    findings = _findings(tmp_path, new, {"config/network.xml": text})
    assert findings["config/network.xml", "KnownProxies"][0] == "10.0.0.1, 10.0.0.2"
    assert ("config/network.xml", "LocalNetworkAddresses") not in findings


@pytest.mark.parametrize(
    "text",
    [
        "<ServerConfiguration>",
        "",
        "\0\0\0",
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>',
        '<?xml version="1.0" encoding="no-such"?><x/>',
    ],
)
def test_xml_that_is_none_is_copied_and_named(text: str, tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old", more={"config/branding.xml": text})
    found = look(old, new)
    assert [(one.file, one.name) for one in found.findings] == [("config/branding.xml", "not readable")]
    copy(found)
    assert (new / "config/branding.xml").read_text() == text


def test_files_with_the_old_servers_own_paths_are_named(tmp_path: Path, new: Path) -> None:
    old = make(
        tmp_path / "old",
        more={
            "data/collections/c/collection.xml": "<Item><Path>/var/lib/jellyfin/data/collections/c</Path></Item>",
            "root/default/Playlists/playlists.mblink": "/var/lib/jellyfin/data/playlists",
            "data/playlists/p/playlist.xml": "<Item><Path>/srv/var/lib/jellyfin/x</Path></Item>",
            "root/default/Other/o.mblink": "/var/lib/jellyfin-media",
        },
    )
    (old / "config").rename(tmp_path / "etc")
    found = look(old, new, config=tmp_path / "etc")
    named = {one.file: one.value for one in found.findings if one.name == "path of the old server"}
    assert named == {
        "data/collections/c/collection.xml": "/var/lib/jellyfin",
        "root/default/Playlists/playlists.mblink": "/var/lib/jellyfin",
    }


def test_where_the_database_says_the_server_was_counts_too(tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old", more={"root/default/Playlists/playlists.mblink": "/srv/jf/data/playlists"})
    (old / "data/jellyfin.db").unlink()
    write_database(old / "data/jellyfin.db", ("/srv/jf/root/default/Films", "/media/films/a.mkv"), home="/srv/jf")
    found = look(old, new)
    named = {one.file: (one.value, one.advice) for one in found.findings}
    assert named["root/default/Playlists/playlists.mblink"][0] == "/srv/jf"
    assert named["data/jellyfin.db"][1].startswith("2 items, libraries among them, are in it")
    assert found.refusals == ()


def test_databases_of_plugins_are_named_and_copied(tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old", more={"data/fake.db": "no database", "data/playback_reporting.db-wal": "1234"})
    for path in ("data/playback_reporting.db", "data/introskipper/introskipper.db", "plugins/Odd_1.0/own.sqlite"):
        (old / path).parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(old / path) as connection:
            connection.execute("CREATE TABLE a (b)")
        connection.close()
    write(old / "data/playback_reporting.db-wal", "1234")
    found = look(old, new)
    assert {(one.path, one.plugin) for one in found.plugin_databases} == {
        ("data/playback_reporting.db", "Playback Reporting"),
        ("data/introskipper/introskipper.db", "Intro Skipper"),
        ("plugins/Odd_1.0/own.sqlite", "Odd"),
    }
    (reporting,) = [one for one in found.plugin_databases if one.plugin == "Playback Reporting"]
    assert reporting.size == (old / reporting.path).stat().st_size + 4
    copy(found)
    assert (new / "data/playback_reporting.db").read_bytes() == (old / "data/playback_reporting.db").read_bytes()
    assert (new / "data/playback_reporting.db-wal").read_text() == "1234"
