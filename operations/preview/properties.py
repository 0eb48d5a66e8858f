"""Properties by their paths, and their values as people may see them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

# Marks, in what the engine prints, a value that has a special meaning, and says which: sdk/go/common/resource/sig.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""A value that only the update will know: sdk/go/common/resource/plugin, UnknownStringValue."""

SECRET: Final = "[secret]"
"""What the engine prints in the place of a secret."""

UNKNOWN_WORDS = "known after the update"

VALUE_CHARACTERS = 200

_PART = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]]+)')
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*:[^/\s]*(?=@)")


def parts(path: str) -> list[str | int]:
    """The keys and indexes of a property path such as `spec.ports[0].nodePort` or `data["redis.conf"]`."""
    return [
        int(found[2]) if found[2] else found[3] or re.sub(r"\\(.)", r"\1", found[1]) for found in _PART.finditer(path)
    ]


def lookup(values: Mapping[str, JsonValue], path: str) -> JsonValue:
    """What is at a path: None when nothing is, SECRET when it is, or lies in, a secret."""
    value: JsonValue = dict(values)
    for part in parts(path):
        if _is_secret(value):
            return SECRET
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return SECRET if _is_secret(value) else value


def shown(value: JsonValue) -> str:
    """A value in one line, without the secrets in it, cut after 200 characters."""
    if value == UNKNOWN:
        return UNKNOWN_WORDS
    hidden = without_secrets(value)
    text = SECRET if hidden == SECRET else json.dumps(hidden, ensure_ascii=False)
    # JSON leaves these as they are, and to some programs they end a line.
    text = re.sub(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]", "?", text)
    return cut(text, VALUE_CHARACTERS)


def cut(text: str, characters: int) -> str:
    """`text`, or its beginning and an ellipsis."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def differing(old: JsonValue, new: JsonValue, path: str = "") -> Iterator[str]:
    """The paths at which two values differ."""
    if isinstance(old, dict) and isinstance(new, dict) and not (_is_secret(old) or _is_secret(new)):
        for key in (*old, *(key for key in new if key not in old)):
            plain = re.fullmatch(r"[^.\[\]\"]+", key)
            step = (f".{key}" if path else key) if plain else f"[{json.dumps(key)}]"
            yield from differing(old.get(key), new.get(key), path + step)
    elif old != new:
        yield path


def _is_secret(value: JsonValue) -> bool:
    return value == SECRET or (isinstance(value, dict) and value.get(SIGNATURE) == SECRET_SIGNATURE)


def without_secrets(value: JsonValue) -> JsonValue:
    """A value with SECRET in the place of every secret in it."""
    if _is_secret(value):
        return SECRET
    if isinstance(value, dict):
        return {key: without_secrets(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    if value == UNKNOWN:
        return UNKNOWN_WORDS
    return without_credentials(value) if isinstance(value, str) else value


def without_credentials(text: str) -> str:
    """A text without the user and password of the URLs in it."""
    return _CREDENTIALS.sub(SECRET, text)
