"""How the lab's values are laid over a stack file."""

from __future__ import annotations

from jellyfin_ha.cli.overlay import merged


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
