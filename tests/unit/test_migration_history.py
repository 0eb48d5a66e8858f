"""The source must be at the level that the target's migration history claims."""

from __future__ import annotations

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration.history import (
    code_migrations,
    code_migrations_by_version,
    require_level,
    server_version,
)

VERSIONS = code_migrations_by_version()


def _history(version: str, *, schema: str = "20250618214615_PgSQL_Init") -> dict[str, str]:
    return {schema: "9.0.11"} | dict.fromkeys(VERSIONS[version], f"{version}.0")


def test_versions_stand_in_their_order() -> None:
    assert list(VERSIONS) == ["10.11.7", "10.11.11", "12.0-rc5"]


def test_a_source_of_the_same_version_passes() -> None:
    require_level(_history("10.11.11", schema="20200514181226_AddActivityLog"), _history("10.11.11"))


def test_a_newer_patch_release_passes() -> None:
    require_level(_history("10.11.11"), _history("10.11.7"))


def test_an_older_source_is_refused_with_the_version_and_what_is_missing() -> None:
    with pytest.raises(UserError, match=r"Upgrade the source server to 10\.11\.11 first") as refusal:
        require_level(_history("10.11.7"), _history("10.11.11"))
    assert refusal.value.exit_code == 1
    assert "1 of Jellyfin's migrations" in str(refusal.value)
    assert "20260522092304_UpdateNormalizedUsername" in str(refusal.value)


def test_a_source_of_the_previous_major_version_is_refused() -> None:
    with pytest.raises(UserError, match=r"Upgrade the source server to 12\.0-rc5 first"):
        require_level(_history("10.11.11"), _history("12.0-rc5"))


def test_a_source_of_a_later_major_version_needs_a_newer_target() -> None:
    with pytest.raises(UserError, match=r"the source is newer \(12\.0-rc5\) than the target \(10\.11\.11\)"):
        require_level(_history("12.0-rc5"), _history("10.11.11"))


def test_schema_migrations_of_either_provider_do_not_count() -> None:
    assert code_migrations({"20250618214615_PgSQL_Init": "9.0.11", "20260101000000_Own": "10.0.0"}) == frozenset()


def test_unknown_code_migrations_are_known_by_who_applied_them() -> None:
    assert code_migrations({"20991231000000_Later": "13.0.0.0"}) == {"20991231000000_Later"}


def test_the_version_of_a_history_is_the_newest_that_is_complete() -> None:
    assert server_version(_history("10.11.7")) == "10.11.7"
    assert server_version(_history("10.11.7") | _history("10.11.11")) == "10.11.11"
    assert server_version({}) is None


def test_a_target_that_never_finished_starting_is_refused() -> None:
    with pytest.raises(UserError, match="never finished its first start"):
        require_level(_history("10.11.11"), {"20250618214615_PgSQL_Init": "9.0.11"})
