"""How the lab's values are laid over a stack file."""

from __future__ import annotations

from typing import Any

import pytest

from jellyfin_ha.cli.overlay import laid_over, merged

MIGRATION = "jellyfin-ha:migration"
SAMPLE: dict[str, Any] = {MIGRATION: {"source": "/sample/jellyfin.db"}}


def test_values_are_laid_over_mapping_by_mapping() -> None:
    below = {"server": {"image": "a", "replicas": 2}, "mode": "x"}
    assert merged(below, {"server": {"image": "b"}}) == {"server": {"image": "b", "replicas": 2}, "mode": "x"}


def test_none_takes_a_key_away() -> None:
    assert merged({"config": {"nfs": 1, "size": 2}}, {"config": {"nfs": None, "hostPath": "/x"}}) == {
        "config": {"size": 2, "hostPath": "/x"}
    }


def test_what_lies_below_is_not_changed() -> None:
    below = {"server": {"image": "a"}}
    merged(below, {"server": {"image": "b"}})
    assert below == {"server": {"image": "a"}}


def test_the_sample_is_migrated_by_a_stack_file_that_says_nothing() -> None:
    assert laid_over({"config": {"a": 1}}, SAMPLE) == {"config": {"a": 1, **SAMPLE}}
    assert laid_over({}, SAMPLE) == {"config": SAMPLE}


@pytest.mark.parametrize("own", [{"source": "/mine.db"}, {"done": True}, {}])
def test_what_a_stack_file_says_of_a_migration_counts_whole(own: dict[str, Any]) -> None:
    assert laid_over({"config": {MIGRATION: own}}, SAMPLE) == {"config": {MIGRATION: own}}


def test_a_key_without_a_value_is_left_out_since_pulumi_would_make_it_an_empty_text() -> None:
    assert laid_over({"config": {MIGRATION: None, "a": 1}}, SAMPLE) == {"config": {"a": 1}}
