"""Pictures of generated items, their ids elsewhere, and what stands above them."""

from collections.abc import Iterator
from random import Random

from ..values import Row, Tables, guid
from .item import Item, between, chance, random_guid, some_day
from .traits import BACKDROP, BANNER, LOGO, PRIMARY, THUMB, traits_of

FILE_NAMES = {PRIMARY: "poster", BACKDROP: "backdrop", BANNER: "banner", LOGO: "logo", THUMB: "thumb"}
# Pictures that have been measured; of the others the server knows no size yet.
MEASURED = frozenset({PRIMARY, BACKDROP})
IMAGES_SHARE = 0.9
BLURHASH_CHARACTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
BLURHASH_LENGTH = 36
# `BaseItemMetadataFields.Id`: cast, genres, name, overview.
LOCKED_FIELDS = (0, 1, 5, 6)
# `BaseItemTrailerTypes.Id`: a file beside the movie.
LOCAL_TRAILER = 4


def link_tables(rng: Random, item: Item) -> Tables:
    """Rows by table."""
    tables: Tables = {
        "AncestorIds": [{"ItemId": item.key, "ParentItemId": ancestor} for ancestor in item.ancestors],
        "BaseItemProviders": [
            {"ItemId": item.key, "ProviderId": provider, "ProviderValue": value}
            for provider, value in item.providers.items()
        ],
        "BaseItemImageInfos": list(_images(rng, item)),
    }
    if item.rich:
        fields = LOCKED_FIELDS[: between(rng, 1, len(LOCKED_FIELDS))]
        tables["BaseItemMetadataFields"] = [{"Id": field, "ItemId": item.key} for field in fields]
        tables["BaseItemTrailerTypes"] = [{"Id": LOCAL_TRAILER, "ItemId": item.key}]
    return tables


def _images(rng: Random, item: Item) -> Iterator[Row]:
    for kind in traits_of(item.kind).images:
        if not chance(rng, IMAGES_SHARE):
            continue
        measured = kind in MEASURED
        yield {
            "Id": guid(random_guid(rng)),
            "ItemId": item.key,
            "ImageType": kind,
            "Path": f"{item.metadata}/{FILE_NAMES[kind]}.jpg",
            "Width": 1000 if measured else 0,
            "Height": 1500 if measured else 0,
            "DateModified": some_day(rng),
            "Blurhash": bytes(rng.choices(BLURHASH_CHARACTERS, k=BLURHASH_LENGTH)) if measured else None,
        }
