"""The layer of a recipe's own files: small, quick to make, and the same bytes for the same content."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from jellyfin_ha.operations.errors import UserError

from .recipe import Recipe

# Of every entry, so that the layer depends on nothing but its content.
TIME = 0
NEVER_PACKED = ("__pycache__", ".pytest_cache", ".ruff_cache")


@dataclass(frozen=True)
class Entry:
    """A file, folder or link of a layer; `content` of a file, `target` of a link, neither of a folder."""

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    content: bytes | None = None
    target: str | None = None

    def tar_info(self) -> tarfile.TarInfo:
        """Its header in a tar file."""
        info = tarfile.TarInfo(self.path.lstrip("/"))
        info.mode, info.uid, info.gid, info.mtime = self.mode, self.uid, self.gid, TIME
        if self.content is not None:
            info.size = len(self.content)
        elif self.target is not None:
            info.type, info.linkname = tarfile.SYMTYPE, self.target
        else:
            info.type = tarfile.DIRTYPE
        return info


def entries(recipe: Recipe, checkout: Path) -> list[Entry]:
    """Everything that a recipe adds by itself, in the order of its paths, with the folders that lead there.

    A compiled program is not among them: it is added when it is made.

    Raises:
        UserError: a file that the recipe names is not there (exit code 2).
    """
    found = [Entry(folder.path, folder.mode, folder.uid, folder.gid) for folder in recipe.folders]
    found += [Entry(file.path, file.mode, content=_read(recipe.folder / file.source)) for file in recipe.files]
    found += [Entry(link.path, target=link.target) for link in recipe.links]
    if recipe.code:
        for path, source in recipe.code.files.items():
            found += _tree(f"{recipe.code.path}/{path}", checkout / source)
    return _with_parents(found)


def write_layer(found: list[Entry], target: Path) -> None:
    """Write entries as a tar file."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
        for entry in found:
            layer.addfile(entry.tar_info(), None if entry.content is None else io.BytesIO(entry.content))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"An image needs {file}: {error.strerror}", exit_code=2) from error


def _tree(path: str, source: Path) -> Iterator[Entry]:
    if not source.is_dir():
        yield Entry(path, 0o644, content=_read(source))
        return
    for file in sorted(source.rglob("*")):
        inner = file.relative_to(source)
        if file.is_file() and not any(part in NEVER_PACKED for part in inner.parts):
            yield Entry(f"{path}/{inner.as_posix()}", 0o644, content=_read(file))


def _with_parents(found: list[Entry]) -> list[Entry]:
    """Folders come before what is in them; those that a recipe does not describe are root's, mode 755.

    Top folders that Debian has as links (`/bin`, `/lib`) must not be written to.
    """
    by_path: dict[str, Entry] = {}
    for entry in found:
        for parent in reversed(PurePosixPath(entry.path).parents[:-1]):
            by_path.setdefault(str(parent), Entry(str(parent)))
        by_path[entry.path] = replace(entry)
    return [by_path[path] for path in sorted(by_path)]
