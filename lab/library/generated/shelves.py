"""The libraries of a generated server."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from ...mediaserver.schema.identifiers import item_id
from ...mediaserver.schema.kinds import ItemType
from ..folders import ROOT, folder_row, view_row
from ..values import Row, guid


@dataclass(frozen=True)
class Shelf:
    """A library.

    Args:
        name: as users see it.
        content: what it holds, in Jellyfin's words.
        path: its folder.
    """

    name: str
    content: str
    path: str

    @property
    def view(self) -> UUID:
        """Id of what users see."""
        return item_id(ItemType.COLLECTION_FOLDER, f"/config/root/default/{self.name}")

    @property
    def folder(self) -> UUID:
        """Id of the folder."""
        return item_id(ItemType.FOLDER, self.path)

    @property
    def top(self) -> str:
        """Key of the folder."""
        return guid(self.folder)

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Keys of what stands above the items directly in the folder, nearest first."""
        return self.top, guid(ROOT), guid(self.view)

    def rows(self) -> Iterator[Row]:
        """The rows of `BaseItems`."""
        yield view_row(self.view, self.name, self.content, self.path, self.folder)
        yield folder_row(self.folder, ItemType.FOLDER, self.path, self.path.rpartition("/")[2], ROOT)


MOVIES = Shelf("Movies", "movies", "/media/movies")
SHOWS = Shelf("Shows", "tvshows", "/media/shows")
MUSIC = Shelf("Music", "music", "/media/music")
COLLECTIONS = Shelf("Collections", "boxsets", "/config/data/collections")
SHELVES = (MOVIES, SHOWS, MUSIC, COLLECTIONS)
