"""Names, titles and texts by number: the same number gives the same, another one another."""

import unicodedata
from collections.abc import Sequence
from math import prod
from random import Random

from .vocabulary import ADJECTIVES, FIRST_NAMES, INITIALS, LAST_NAMES, NOUNS, PATTERNS, SENTENCES

# A prime that divides none of the numbers of combinations: neighbours in number get unlike names.
_SCATTER = 7919
# Each sort of title begins elsewhere, so that few series are called like a movie.
SERIES_TITLES, ALBUM_TITLES, BAND_TITLES = 5_000, 9_000, 12_000
# Enough titles and names for what need not be unique.
ANY_TITLE, ANY_NAME = 100_000, 50_000


def title(number: int) -> str:
    """The title of that number; different numbers have different titles."""
    return _combine(number, PATTERNS, ADJECTIVES, NOUNS)


def person_name(number: int) -> str:
    """The name of that number; different numbers have different names."""
    return _combine(number, ("{} {}{}",), FIRST_NAMES, INITIALS, LAST_NAMES)


def overview(rng: Random, sentences: int) -> str:
    """A paragraph; a sentence has about a hundred characters."""
    return " ".join(rng.choices(SENTENCES, k=sentences))


def clean(name: str) -> str:
    """A name as it is searched: lower case, without marks on the letters."""
    parts = unicodedata.normalize("NFD", name.lower())
    return "".join([letter for letter in parts if not unicodedata.combining(letter)])


def _combine(number: int, patterns: Sequence[str], *words: Sequence[str]) -> str:
    total = len(patterns) * prod(len(choices) for choices in words)
    again, rest = divmod(number, total)
    rest, pattern = divmod(rest * _SCATTER % total, len(patterns))
    chosen: list[str] = []
    for choices in words:
        rest, position = divmod(rest, len(choices))
        chosen.append(choices[position])
    name = patterns[pattern].format(*chosen)
    return f"{name} {again + 1}" if again else name
