"""The reference server starts where Jellyfin would use PostgreSQL, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from jellyfin_ha.components.server_images import FLAVORS, PLUGIN_FILE
from jellyfin_ha.lab.mediaserver.database_provider import check_provider
from jellyfin_ha.operations.errors import UserError


def write(folder: Path, database_xml: str | None) -> None:
    if database_xml is not None:
        (folder / "database.xml").write_text(database_xml)


def test_it_starts_with_the_plugin_that_its_file_names_and_not_without(tmp_path: Path) -> None:
    write(tmp_path, FLAVORS["pgsql-plugin"].database_xml)
    with pytest.raises(UserError, match=PLUGIN_FILE) as caught:
        check_provider(tmp_path, tmp_path / "plugins")
    assert caught.value.exit_code == 134
    (tmp_path / "plugins" / "PostgreSQL").mkdir(parents=True)
    (tmp_path / "plugins" / "PostgreSQL" / PLUGIN_FILE).write_text("")
    check_provider(tmp_path, tmp_path / "plugins")


@pytest.mark.parametrize("flavor", ["zolty-fork", "sqlite"])
def test_it_starts_with_the_built_in_provider_and_without_a_file(flavor: str, tmp_path: Path) -> None:
    write(tmp_path, FLAVORS[flavor].database_xml)
    check_provider(tmp_path, tmp_path / "plugins")


@pytest.mark.parametrize(
    "content",
    ["", "<Database", "<D><DatabaseType>Jellyfin-SQLite</DatabaseType></D>", "<DatabaseConfigurationOptions />"],
)
def test_it_does_not_start_where_jellyfin_would_make_an_empty_sqlite(content: str, tmp_path: Path) -> None:
    write(tmp_path, content)
    with pytest.raises(UserError, match="empty SQLite"):
        check_provider(tmp_path, tmp_path / "plugins")
