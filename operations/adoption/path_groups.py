"""A million paths, told in a few lines."""

from collections.abc import Sequence
from dataclasses import dataclass

# Beyond this many folders, further ones are told together: memory stays bounded, and nobody reads more.
MOST_GROUPS = 100
OTHERS = "(other folders)"
FOLDERS_OF_A_PREFIX = 3


@dataclass(frozen=True, slots=True)
class PathGroup:
    """Items below one folder.

    Args:
        prefix: the folder.
        items: how many.
        example: the first path of them.
    """

    prefix: str
    items: int
    example: str


class PathGroups:
    """Counts paths by the library that they belong to, or else by their first folders.

    Args:
        libraries: the libraries' folders.
    """

    def __init__(self, libraries: Sequence[str]) -> None:
        self._libraries = sorted({folder.rstrip("/") for folder in libraries}, key=len, reverse=True)
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, path: str) -> None:
        """Count one path."""
        prefix = self._prefix(path)
        if prefix not in self._found and len(self._found) >= MOST_GROUPS:
            prefix = OTHERS
        items, example = self._found.get(prefix, (0, path))
        self._found[prefix] = (items + 1, example)

    def all(self) -> tuple[PathGroup, ...]:
        """The groups, the largest first."""
        groups = [PathGroup(prefix, items, example) for prefix, (items, example) in self._found.items()]
        return tuple(sorted(groups, key=lambda group: (-group.items, group.prefix)))

    def _prefix(self, path: str) -> str:
        for library in self._libraries:
            if path == library or path.startswith(library + "/"):
                return library
        separator = "/" if path.startswith("/") else "\\"
        folders = path.split(separator)[:-1]
        # An absolute path begins with nothing before its first separator.
        return separator.join(folders[: FOLDERS_OF_A_PREFIX + (path.startswith(separator))]) or path
