"""Who takes part in generated items."""

from collections.abc import Iterator
from random import Random

from ...mediaserver.schema.identifiers import md5_guid
from ..values import Row, guid
from .item import Item, below, between
from .names import ANY_NAME, person_name
from .traits import traits_of

ACTING = frozenset({"Actor", "GuestStar"})
# Of person n, by n's last digit; most act.
PERSON_TYPES = ("Actor", "Actor", "Actor", "Actor", "Actor", "GuestStar", "Director", "Writer", "Producer", "Composer")


class People:
    """Everybody, by number; the first ones take part most often.

    Args:
        number: how many there are.
    """

    def __init__(self, number: int) -> None:
        self._number = number

    def rows(self) -> Iterator[Row]:
        """Rows of `Peoples`."""
        for number in range(self._number):
            yield {"Id": _key(number), "Name": person_name(number), "PersonType": _type(number)}

    def cast(self, rng: Random, item: Item) -> Iterator[Row]:
        """Rows of `PeopleBaseItemMap` of an item; each person once."""
        fewest, most = traits_of(item.kind).people
        # Squared: a few are everywhere, most are seen once.
        numbers = [int(self._number * rng.random() ** 2) for _ in range(between(rng, fewest, most))]
        for position, number in enumerate(dict.fromkeys(numbers)):
            acts = _type(number) in ACTING
            yield {
                "ItemId": item.key,
                "PeopleId": _key(number),
                "Role": person_name(below(rng, ANY_NAME)) if acts else "",
                "SortOrder": position if acts else None,
                "ListOrder": position,
            }


def _key(number: int) -> str:
    return guid(md5_guid(f"generated person {number}"))


def _type(number: int) -> str:
    return PERSON_TYPES[number % len(PERSON_TYPES)]
