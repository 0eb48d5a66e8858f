"""The folders and views that every library has, and what all items have in common."""

import json
from collections.abc import Iterator
from uuid import UUID

from ..mediaserver.schema import PLACEHOLDER_ID, PLACEHOLDER_NAME, PLACEHOLDER_TYPE
from ..mediaserver.schema.identifiers import item_id
from ..mediaserver.schema.kinds import ItemType
from .values import NO_DATE, Row, Stored, guid, moment

ROOT = item_id(ItemType.AGGREGATE_FOLDER, "/config/root")
USER_ROOT = item_id(ItemType.USER_ROOT_FOLDER, "/config/root/default")


def root_rows() -> Iterator[Row]:
    """The rows of `BaseItems` above all libraries, parents first."""
    yield item_row(PLACEHOLDER_ID, PLACEHOLDER_TYPE, PLACEHOLDER_NAME)
    yield folder_row(ROOT, ItemType.AGGREGATE_FOLDER, "/config/root", "root", None)
    yield folder_row(USER_ROOT, ItemType.USER_ROOT_FOLDER, "/config/root/default", "Media Folders", ROOT)


def item_row(identity: UUID, kind: str, name: str, **others: Stored) -> Row:
    """A row of `BaseItems` with what may not be missing."""
    return {
        "Id": guid(identity),
        "Type": kind,
        "Name": name,
        "IsFolder": 0,
        "IsInMixedFolder": 0,
        "IsLocked": 0,
        "IsMovie": 0,
        "IsRepeat": 0,
        "IsSeries": 0,
        "IsVirtualItem": 0,
        **others,
    }


def dates(days: float) -> dict[str, Stored]:
    """The dates of an item that was added so many days after the server's first."""
    return {
        "DateCreated": moment(days),
        "DateModified": moment(days, 5_000_000),
        "DateLastSaved": moment(days + 0.01, 1_234_560),
        "DateLastRefreshed": moment(days + 0.01, 7),
        "DateLastMediaAdded": NO_DATE,
    }


def names(name: str, identity: UUID) -> dict[str, Stored]:
    """What an item is sorted, searched and grouped by."""
    return {
        "SortName": name.lower(),
        "CleanName": name.lower(),
        "PresentationUniqueKey": identity.hex,
    }


def folder_row(identity: UUID, kind: ItemType, path: str, name: str, parent: UUID | None) -> Row:
    """A row of `BaseItems` for a plain folder."""
    top = identity if kind == ItemType.FOLDER else None
    others: dict[str, Stored] = {
        "IsFolder": 1,
        "Path": path,
        "ParentId": guid(parent) if parent else None,
        "TopParentId": guid(top) if top else None,
        "UnratedType": "Other",
        **dates(0.1),
        **names(name, identity),
    }
    return item_row(identity, kind, name, **others)


def view_row(identity: UUID, name: str, kind: str, path: str, folder: UUID) -> Row:
    """A row of `BaseItems` for a library as users see it.

    Args:
        kind: what it holds, e.g. `movies`.
        path: where its folder lies.
        folder: id of that folder.
    """
    others: dict[str, Stored] = {
        "IsFolder": 1,
        "Path": f"/config/root/default/{name}",
        "ParentId": guid(USER_ROOT),
        "TopParentId": None,
        "Data": json.dumps(
            {
                "CollectionType": kind,
                "PhysicalLocationsList": [path],
                "PhysicalFolderIds": [folder.hex],
            }
        ),
        **dates(0.2),
        **names(name, identity),
    }
    return item_row(identity, ItemType.COLLECTION_FOLDER, name, **others)
