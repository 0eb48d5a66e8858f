"""Whether the new servers will find the media where the old one had it: items are known by their paths."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..migration.image import beside
from ..migration.source import careful_text
from ..naming import shown
from ..progress import Progress
from .path_groups import PathGroup, PathGroups

ROWS_A_REPORT = 20_000

# The old library's paths, as it knows them. No arguments; one row (path) an item.
PATHS = """SELECT "Path" FROM "BaseItems" WHERE "Path" IS NOT NULL AND "Path" <> ''"""
# Where the server's own root folder was: its parent is the data folder as the server called it.
ROOT = """SELECT "Path" FROM "BaseItems" WHERE "Type" LIKE '%.AggregateFolder' AND "Path" LIKE '/%/root'"""


@dataclass(frozen=True, slots=True)
class MediaRoot:
    """A folder that the new servers have.

    Args:
        path: what they call it.
        here: the same folder on this machine, or None when it cannot be looked into.
    """

    path: str
    here: Path | None = None


@dataclass(frozen=True, slots=True)
class PathCheck:
    """What became of the library's paths.

    Args:
        checked: how many items have a path; None when they could not be read.
        note: why not, or what was not seen; empty when there is nothing to say.
        outside: items that lie under no folder of the new servers.
        missing: items whose file is not there on this machine.
        own: items in the old server's own folder, such as its libraries, when that had another name.
        home: what the old server called its own folder, or None when that is not known.
    """

    checked: int | None
    note: str
    outside: tuple[PathGroup, ...]
    missing: tuple[PathGroup, ...]
    own: int
    home: str | None


def parse_media(text: str) -> MediaRoot:
    """`PATH` or `PATH=HERE`.

    Raises:
        UserError: exit code 2: PATH is not absolute, or HERE is no folder.
    """
    path, equals, here = text.partition("=")
    if not path.startswith("/"):
        raise UserError(f"expected --media with an absolute path, found {text!r}", exit_code=2)
    folder = Path(here).expanduser() if equals else None
    if folder is not None and not (here and folder.is_dir()):
        raise UserError(
            f"expected --media {path}=HERE with a folder of this machine, found {here!r}: mount the media, or leave "
            "=HERE away",
            exit_code=2,
        )
    return MediaRoot(path.rstrip("/") or "/", folder)


def check_paths(
    database: Path, roots: Sequence[MediaRoot], homes: Sequence[str], libraries: Sequence[str], report: Progress
) -> PathCheck:
    """Read every path of the library once, in bounded memory. Nothing is written beside the database.

    Args:
        database: the old server's jellyfin.db.
        roots: what the new servers have.
        homes: what the old server's own folder may have been called.
        libraries: the libraries' folders, by which items are told together.
        report: told every now and then.
    """
    if not database.is_file():
        return _unchecked(f"{shown(str(database))} is not there: whether the new servers find the media is not checked")
    try:
        # Immutable: SQLite makes no file beside it. What its -wal holds is not seen then, and said.
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        return _unchecked(f"{shown(str(database))} cannot be read ({error}): media paths are not checked")
    try:
        with careful_text(connection):
            found = connection.execute(ROOT).fetchone()
            home = str(found[0]).removesuffix("/root") if found else None
            homes = [*homes, *([home] if home else [])]
            return _check(connection, roots, homes, libraries, home, _note(database), report)
    except sqlite3.Error as error:
        return _unchecked(f"{shown(str(database))} cannot be read ({error}): media paths are not checked")
    finally:
        connection.close()


def _check(
    connection: sqlite3.Connection,
    roots: Sequence[MediaRoot],
    homes: Sequence[str],
    libraries: Sequence[str],
    home: str | None,
    note: str,
    report: Progress,
) -> PathCheck:
    outside, missing = PathGroups(libraries), PathGroups(libraries)
    checked = own = 0
    for path in _paths(connection):
        checked += 1
        if checked % ROWS_A_REPORT == 0:
            report(f"checking the paths of the library: {checked:,} items", None)
        if not _is_of_a_file(path):
            continue
        root = next((root for root in roots if _below(path, root.path)), None)
        if root is not None:
            if root.here is not None and not _is_there(root.here / path[len(root.path) :].lstrip("/")):
                missing.add(path)
        elif any(_below(path, folder) for folder in homes):
            own += 1
        else:
            outside.add(path)
    return PathCheck(checked, note, outside.all(), missing.all(), own, home)


def _paths(connection: sqlite3.Connection) -> Iterator[str]:
    for (path,) in connection.execute(PATHS):
        yield str(path)


def _is_of_a_file(path: str) -> bool:
    """Not %AppDataPath% and the like, which each server knows for itself, and no URL."""
    return not path.startswith("%") and "://" not in path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # A folder that this user may not enter, a name too long for this machine.


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _note(database: Path) -> str:
    log = beside(database, "-wal")
    if log.is_file() and log.stat().st_size:
        return (
            f"{log.name} is not empty: the old server runs, or was killed. Start it and stop it in order; paths "
            "that are only in that file are not checked"
        )
    return ""


def _unchecked(note: str) -> PathCheck:
    return PathCheck(None, note, (), (), 0, None)
