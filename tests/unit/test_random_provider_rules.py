"""The rules of random passwords are those of the real provider."""

from __future__ import annotations

import string

import bcrypt
import pytest

from jellyfin_ha.lab.toolchain.random_password import (
    RESULTS,
    SPECIAL,
    UNKNOWN,
    Plain,
    Rules,
    changed,
    created,
    previewed,
    problems,
)

NOTHING = frozenset[str]()


def password(**inputs: Plain) -> str:
    return Rules.of(inputs).password()


def test_a_password_has_its_length_and_only_the_signs_that_were_asked_for() -> None:
    assert len(password(length=40)) == 40
    assert set(password(length=500)) <= set(string.ascii_letters + string.digits + SPECIAL)
    assert set(password(length=500, special=False, upper=False)) <= set(string.ascii_lowercase + string.digits)
    assert set(password(length=500, lower=False, upper=False, number=False, overrideSpecial="-_")) == set("-_")


def test_the_least_numbers_of_each_kind_of_sign_are_kept_even_at_the_shortest_length() -> None:
    for _ in range(50):
        made = password(length=10, minLower=1, minUpper=2, minNumeric=3, minSpecial=4)
        kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SPECIAL)
        assert [sum(sign in kind for sign in made) for kind in kinds] == [1, 2, 3, 4]


def test_no_two_passwords_are_alike() -> None:
    assert len({password(length=20) for _ in range(100)}) == 100


def test_the_hash_fits_the_password_also_one_that_is_longer_than_bcrypt_takes() -> None:
    for length in (20, 100):
        state = created({"length": length})
        assert bcrypt.checkpw(str(state["result"]).encode()[:72], str(state["bcryptHash"]).encode())


def test_the_state_shows_every_rule_with_its_default() -> None:
    state = created({"length": 20.0, "keepers": {"a": "1"}})
    assert {name: value for name, value in state.items() if name not in RESULTS} == {
        "length": 20,
        **{"lower": True, "upper": True, "numeric": True, "number": True, "special": True},
        **{"minLower": 0, "minUpper": 0, "minNumeric": 0, "minSpecial": 0},
        "keepers": {"a": "1"},
    }


@pytest.mark.parametrize("name", [name for name in Rules.INPUTS if name != "number"])
def test_a_change_of_any_input_replaces_the_password(name: str) -> None:
    inputs: dict[str, Plain] = {"length": 20}
    values: dict[str, Plain] = {"length": 21, "overrideSpecial": "-", "keepers": {"a": "2"}}
    new = values.get(name, 1 if name.startswith("min") else False)
    assert changed(created(inputs), {**inputs, name: new}, NOTHING) == [name]
    assert changed(created(inputs), {**inputs, name: UNKNOWN}, NOTHING) == [name]
    assert changed(created(inputs), {**inputs, name: new}, frozenset({name})) == []


def test_the_old_name_of_numeric_counts_as_numeric() -> None:
    assert changed(created({"length": 20}), {"length": 20, "number": False}, NOTHING) == ["numeric"]
    assert changed(created({"length": 20, "number": False}), {"length": 20, "numeric": False}, NOTHING) == []


def test_defaults_that_are_written_out_change_nothing() -> None:
    written: dict[str, Plain] = {"length": 20, "special": True, "minLower": 0, "overrideSpecial": "", "keepers": {}}
    assert changed(created({"length": 20}), written, NOTHING) == []


def test_a_keeper_that_a_preview_does_not_know_yet_may_change() -> None:
    keepers: Plain = {"a": UNKNOWN}
    assert changed(created({"length": 20, "keepers": {"a": "1"}}), {"length": 20, "keepers": keepers}, NOTHING) == [
        "keepers"
    ]


def test_a_preview_shows_what_is_known_and_makes_nothing() -> None:
    state = previewed({"length": UNKNOWN, "special": False})
    assert state["length"] == UNKNOWN
    assert state["special"] is False
    assert state["result"] == state["bcryptHash"] == UNKNOWN


@pytest.mark.parametrize(
    ("inputs", "property"),
    [
        ({}, "length"),
        ({"length": 0}, "length"),
        ({"length": 2.5}, "length"),
        ({"length": True}, "length"),
        ({"length": "20"}, "length"),
        ({"length": 3, "minLower": 2, "minUpper": 2}, "length"),
        ({"length": 20, "minLower": -1}, "minLower"),
        ({"length": 20, "lower": "yes"}, "lower"),
        ({"length": 20, "lower": False, "upper": False, "numeric": False, "special": False}, "special"),
        ({"length": 20, "number": True, "numeric": False}, "number"),
        ({"length": 20, "overrideSpecial": 1}, "overrideSpecial"),
        ({"length": 20, "keepers": "a"}, "keepers"),
        ({"length": 20, "lenght": 1}, "lenght"),
    ],
)
def test_inputs_that_cannot_be_are_refused_by_name(inputs: dict[str, Plain], property: str) -> None:
    assert [problem.property for problem in problems(inputs)] == [property]


def test_all_wrong_inputs_are_named_at_once_and_unknown_ones_are_not_judged() -> None:
    wrong = problems({"length": 0, "lower": 1, "minUpper": -1})
    assert {problem.property for problem in wrong} == {"length", "lower", "minUpper"}
    assert problems({"length": UNKNOWN, "minLower": 30, "special": UNKNOWN}) == []
