"""The table of what moves and what stays: in the code, on the page, and the same in both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jellyfin_ha.operations.adoption import RULES
from jellyfin_ha.operations.adoption.plugin_databases import PLUGINS
from jellyfin_ha.operations.adoption.rules import rule_of

PAGE = (Path(__file__).parents[2] / "docs" / "adoption.md").read_text()


def test_the_page_repeats_the_table_row_by_row() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (copied|left out) \| (.+) \|$", PAGE, flags=re.MULTILINE)
    assert rows == [(rule.pattern, "copied" if rule.copied else "left out", rule.reason) for rule in RULES]


def test_the_page_names_the_plugins_whose_databases_are_known() -> None:
    assert [plugin for plugin in PLUGINS.values() if plugin not in PAGE] == []


def test_every_rule_can_be_the_one_that_decides() -> None:
    for rule in RULES:
        assert rule_of(rule.pattern.replace("*", "x")) is rule or rule.pattern.startswith("*"), rule.pattern


@pytest.mark.parametrize(
    "path",
    [
        "config/database.xml",
        "data/jellyfin.db",
        "data/jellyfin.db-wal",
        "data/jellyfin.db.old",
        "data/library.db-shm",
        "data/SQLiteBackups/20261123_jellyfin.db",
        "cache/",
        "cache/images/a/b.jpg",
        "log/",
        "transcodes/x.ts",
        ".jellyfin-data",
        "metadata/.jellyfin-cache",
        ".pgsql-init.lock",
    ],
)
def test_what_belongs_to_the_old_machine_stays(path: str) -> None:
    rule = rule_of(path)
    assert rule is not None
    assert not rule.copied


@pytest.mark.parametrize(
    "path",
    [
        "data/device.txt",
        "config/system.xml",
        "config/migrations.xml",
        "root/default/Films/options.xml",
        "metadata/library/cache/poster.jpg",
        "data/playback_reporting.db",
        "plugins/Webhook_1/config/database.xml",
        "plugins/configurations/log/settings.xml",
        "plugins/Webhook_1/packages.lock",
        "data/playlists/My log/playlist.xml",
    ],
)
def test_what_makes_the_server_moves(path: str) -> None:
    rule = rule_of(path)
    assert rule is not None
    assert rule.copied


def test_nothing_else_is_named() -> None:
    for path in ("readme", "data/odd", "database.xml", "device.txt", "data/", "config/"):
        assert rule_of(path) is None
