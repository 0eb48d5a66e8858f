"""Values as settings, or all that is wrong with them in words that a person at home understands."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from math import inf
from typing import cast

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jellyfin_ha.operations.errors import UserError

from .combinations import contradictions
from .model import PROJECT, Settings
from .places import Place

Location = tuple[str | int, ...]

SECRET = "secure"
"""The one key of a mapping that stands for an encrypted value in a stack file."""

REFUSED_SECRET = (
    "found a secret; expected none: no setting takes one, and this one would be shown in clear. "
    "The stack makes its passwords itself"
)

LONGEST_VALUE = 80

# A slip of the fingers is more alike than this; `gpu` for `cpu` is not.
SIMILAR = 0.7

# A key that a mapping may not have is reported at the mapping's place with this part at its end.
KEY_ITSELF = "[key]"


def parse_settings(values: Mapping[str, object], *, origin: str) -> Settings:
    """The settings in `values` (key without the prefix -> plain YAML value).

    Args:
        values: the stack's configuration.
        origin: where it was read, for the error.

    Raises:
        UserError: exit code 2; every unknown, missing, secret or ill-typed key, with its value and the legal form; or
            else every combination that cannot work.
    """
    secrets = list(_secrets(values, ()))
    problems: list[tuple[Location, str]] = [(location, REFUSED_SECRET) for location in secrets]
    try:
        settings = Settings.model_validate(dict(values))
    except ValidationError as error:
        top = Place.top()
        problems += [
            (_location(detail), _problem(detail, top))
            for detail in error.errors(include_url=False)
            if not any(detail["loc"][: len(secret)] == secret for secret in secrets)
        ]
    else:
        problems += contradictions(settings)
        if not problems:
            return settings
    lines = [f"  {PROJECT}:{'.'.join(map(str, location))}: {problem}" for location, problem in problems]
    raise UserError(
        f"{origin}: {len(lines)} setting{'s' * (len(lines) != 1)} cannot be used:\n" + "\n".join(lines), exit_code=2
    )


def _secrets(value: object, location: Location) -> Iterator[Location]:
    """Where encrypted values stand."""
    if isinstance(value, Mapping):
        mapping = cast(Mapping[str, object], value)
        if location and list(mapping) == [SECRET] and isinstance(mapping[SECRET], str):
            yield location
        else:
            for key, inner in mapping.items():
                yield from _secrets(inner, (*location, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast(list[object], value)):
            yield from _secrets(inner, (*location, index))


def _location(detail: ErrorDetails) -> Location:
    return tuple(part for part in detail["loc"] if part != KEY_ITSELF)


def _problem(detail: ErrorDetails, top: Place) -> str:
    location = detail["loc"]
    if detail["type"] == "invalid_key" or (location[-1:] == (KEY_ITSELF,) and detail["type"] == "string_type"):
        return "this key is no text without quotes; expected it in quotes"
    if location[-1:] == (KEY_ITSELF,):
        return _unknown(location[-2], _place(top, location[:-2]))
    if detail["type"] == "extra_forbidden":
        return _unknown(location[-1], _place(top, location[:-1]))
    place = _place(top, location)
    if detail["type"] == "missing":
        return f"missing; expected {place.form}" if place else "missing; it has no default"
    found, value = _shown(detail["input"]), detail["input"]
    rule = cast(dict[str, object], detail.get("ctx", {})).get("error")
    if isinstance(value, Mapping) and isinstance(rule, ValueError):
        return f"found {found}; {rule}"
    if place is None:
        return f"found {found}; {detail['msg']}"
    if place.is_text and isinstance(value, int | float | date):
        return f"found {found}, which is no text without quotes; expected {place.form}, in quotes"
    return f"found {found}; expected {place.form}"


def _unknown(key: str | int, place: Place | None) -> str:
    """What is said of a key that is not known at a place."""
    names = place.names if place else []
    near = get_close_matches(str(key), names, n=1, cutoff=SIMILAR)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; expected one of {', '.join(names)}" if names else "unknown key; remove it"


def _place(top: Place, location: Sequence[str | int]) -> Place | None:
    place: Place | None = top
    for part in location:
        place = place.below(part) if place else None
    return place


def _shown(value: object) -> str:
    """A value as a person would write it, without a password that a URL in it holds."""
    match value:
        case None | "":
            return "nothing"
        case str():
            text = repr(value)
        case _:
            # In one line; behind a single value comes the mark of a document's end.
            dumped = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=inf)
            text = dumped.partition("\n")[0]
    text = re.sub(r"(?<=//)[^/@\s]*(?=@)", "…", text)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
