"""Identifiers that every Jellyfin process computes alike."""

import hashlib
from uuid import UUID


def md5_guid(text: str) -> UUID:
    """Jellyfin's GUID of a text: MD5 over UTF-16LE, its bytes read as a .NET (little-endian) GUID."""
    digest = hashlib.md5(text.encode("utf-16-le"), usedforsecurity=False).digest()
    return UUID(bytes_le=digest)


def item_id(clr_type: str, path: str, program_data: str = "/config") -> UUID:
    """The id a server gives an item it finds.

    Args:
        clr_type: full type name, e.g. `MediaBrowser.Controller.Entities.Folder`.
        path: absolute path of the item.
        program_data: the server's data folder; paths in it count relative to it, so that it may move.
    """
    if path.startswith(program_data + "/"):
        path = path.removeprefix(program_data).lstrip("/").replace("/", "\\")
    return md5_guid(clr_type + path)
