"""Rules between the keys of one mapping, as JSON schema says them.

pydantic cannot know what a validator in Python checks. Each of these stands beside the validator of the same rule, and
a test tries both on the same values. A key without a value counts as absent, as it does for the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_snake
from pydantic.config import JsonDict, JsonValue


@dataclass(frozen=True)
class Rule:
    """A rule between the keys of one mapping.

    Args:
        words: what is legal, for people.
        schema: the same for programs.
    """

    words: str
    schema: JsonDict

    @property
    def config(self) -> ConfigDict:
        """Puts the rule into the schema of a model; its validator is up to the model."""
        return ConfigDict(json_schema_extra={"$comment": self.words, **self.schema})

    def broken(self) -> ValueError:
        """What the model's validator raises."""
        return ValueError(f"expected {self.words}")


def exactly_one(*keys: str) -> Rule:
    """One of the keys is there and the others are not."""
    return Rule(f"exactly one of {', '.join(keys)}", {"oneOf": [_has(key) for key in keys]})


def not_both(one: str, other: str) -> Rule:
    """At most one of the two keys is there."""
    return Rule(f"{one} or {other}, not both", {"not": {"allOf": [_has(one), _has(other)]}})


def at_most_one(*keys: str, flag: str) -> Rule:
    """No two of these: a key that is there, and the flag being true."""
    chosen = [*(_has(key) for key in keys), _with(flag, {"const": True})]
    pairs: list[JsonValue] = [{"allOf": [*pair]} for pair in combinations(chosen, 2)]
    return Rule(f"at most one of {', '.join(keys)}, {flag}", {"not": {"anyOf": pairs}})


def one_when(key: str, other: str, value: str, *, default: int) -> Rule:
    """The number `key`, which is `default` when it is absent, is 1 whenever `other` has the value."""
    one: JsonDict = {"properties": {key: {"const": 1}}}
    then: JsonDict = one if default == 1 else {"required": [key], **one}
    return Rule(f"{key} 1 with {other} {value}", {"if": _with(other, {"const": value}), "then": then})


def only_beside(key: str, other: str) -> Rule:
    """The key may be there only when the other is."""
    return Rule(f"{key} beside {other} only", {"if": _has(key), "then": _has(other)})


def only_with(key: str, other: str, *values: str) -> Rule:
    """The key may be there only when `other` has one of the values."""
    return Rule(
        f"{key} with {other} {' or '.join(values)} only",
        {"if": _has(key), "then": _with(other, {"enum": list(values)})},
    )


def either_or_nothing(key: str, flag: str) -> Rule:
    """The key is there, or the flag is true, or the mapping is empty."""
    return Rule(
        f"either {key} or {flag}: true, or {{}} for none",
        {"oneOf": [_has(key), _with(flag, {"const": True}), {"maxProperties": 0}]},
    )


def one_or_alone(*keys: str, alone: str) -> Rule:
    """One of the keys is there and the others are not; or the mapping `alone` stands without them, or nothing does."""
    alone_only: JsonDict = {"not": {"anyOf": [_has(key) for key in keys]}, **_with(alone, {"minProperties": 1})}
    return Rule(
        f"one of {', '.join(keys)}, or {alone} alone, or {{}} for none",
        {"oneOf": [*(_has(key) for key in keys), alone_only, {"maxProperties": 0}]},
    )


def given(model: BaseModel, keys: Sequence[str]) -> list[str]:
    """Which of the keys, as they are written in a file, have a value."""
    return [key for key in keys if getattr(model, to_snake(key)) is not None]


def _with(key: str, value: JsonDict) -> JsonDict:
    return {"required": [key], "properties": {key: value}}


def _has(key: str) -> JsonDict:
    return _with(key, {"not": {"type": "null"}})
