"""From recipes to archives: what changed is built again, and nothing else."""

import hashlib
import os
import platform
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

from ..cache import GIB, cache_folder, filling, locked, need_space, remove_tree
from ..commands import Command, output
from . import debian, oci, requirements
from .layer import Entry, entries, write_layer
from .recipe import Recipe, load

# Part of every hash: raise it when the same recipe comes out otherwise.
FORMAT = "1"
LOCK_SECONDS = 1800
LAYOUT = "layout"
COMPILE_SECONDS = 60
# An unpacked file system, its tar file and the compressed layer, of the largest image.
WORK_BYTES = 2 * GIB
# Of each image: the one in use, and those of other checkouts and of a step back.
KEPT = 4


@dataclass(frozen=True)
class Image:
    """An image that is ready to be imported.

    Args:
        name: the recipe's: "postgres", "redis", "mediaserver", "pause", "operations".
        reference: its full name, with a tag that changes with its content.
        archive: an OCI archive, for `ctr --namespace k8s.io images import`.
    """

    name: str
    reference: str
    archive: Path


def ensure(progress: Progress, *names: str) -> list[Image]:
    """Images, built as far as they are not in the cache yet (about two minutes for all that the nodes get).

    A second run meanwhile, of this checkout or another, waits; a run that is ended leaves nothing half made.

    Args:
        progress: told what is being built.
        names: which; all that the lab's nodes get when none is named.

    Raises:
        UserError: a recipe is wrong (2), no checkout (2), too little disk (2), or a download or a build failed (1).
    """
    checkout = Path(__file__).resolve().parents[2]
    builds = [build for build in _builds(checkout) if (build.name in names if names else build.on_nodes)]
    cache = cache_folder() / "images"
    with locked(cache / "lock", progress, what="the images", seconds=LOCK_SECONDS):
        images: list[Image] = []
        for build in builds:

            def tell(message: str, fraction: float | None = None, /, name: str = build.name) -> None:
                progress(f"image {name}: {message}", fraction if fraction is not None else len(images) / len(builds))

            images.append(build.archived(cache, tell))
        return images


def planned(checkout: Path, cache: Path) -> list[Image]:
    """What `ensure` would give, without building anything; the archives need not exist."""
    return [build.image(cache) for build in _builds(checkout)]


def _builds(checkout: Path) -> "list[_Build]":
    folders = sorted(file.parent for file in (checkout / "images").glob("*/recipe.toml"))
    if not folders:
        raise UserError(
            f"The images are built from a checkout of this project; {checkout} has no images/*/recipe.toml.",
            exit_code=2,
        )
    return [_Build(load(folder), checkout) for folder in folders]


class _Build:
    """One recipe on its way to an archive."""

    def __init__(self, recipe: Recipe, checkout: Path) -> None:
        self.name = recipe.name
        self.on_nodes = recipe.on_nodes
        self._recipe = recipe
        self._entries = entries(recipe, checkout)
        lock = checkout / "requirements.lock"
        self._requirements = requirements.locked(recipe.python.requirements, lock) if recipe.python else ""
        self._program = (recipe.folder / recipe.program.source).read_bytes() if recipe.program else b""

    def image(self, cache: Path) -> Image:
        """What the image is called and where its archive is, or will be."""
        name = self.name
        content = _digest(
            self._base_digest(), self._recipe.model_dump_json().encode(), self._program, *map(_described, self._entries)
        )
        return Image(name, f"docker.io/lab/{name}:{content}", cache / f"{name}-{content}.tar")

    def archived(self, cache: Path, tell: Progress) -> Image:
        """The image of the cache, or a new one."""
        image = self.image(cache)
        if image.archive.exists():
            os.utime(image.archive)
            return image
        need_space(cache, WORK_BYTES, what="building an image")
        base = self._base(cache, tell)
        tell("its own files")
        with _scratch(cache) as work:
            self._assemble(base, image.reference, work).rename(image.archive)
        _forget(sorted(cache.glob(f"{image.name}-*.tar"), key=_age))
        return image

    def _base(self, cache: Path, tell: Progress) -> Path:
        """A layout with the layer of packages: slow to make, and made only when they change."""
        base = cache / "bases" / f"{self.name}-{self._base_digest()}"
        if not base.exists():
            log = cache / "logs" / f"{self.name}.log"
            log.unlink(missing_ok=True)
            with _scratch(cache) as work, filling(base) as filled:
                layer = self._packages(work, log, tell)
                tell("compressing")
                oci.new_layout(filled / LAYOUT, layer)
            _forget(sorted(base.parent.glob(f"{self.name}-*"), key=_age))
        os.utime(base)
        return base

    def _packages(self, work: Path, log: Path, tell: Progress) -> Path | None:
        recipe, layer, python = self._recipe, work / "layer.tar", None
        if not recipe.debian:
            return None
        if recipe.python:
            tell(f"{len(recipe.python.requirements)} Python packages")
            python = (recipe.python, work / "python")
            requirements.install(recipe.python, self._requirements, python[1], log)
        tell(f"Debian {recipe.debian.suite} with {', '.join(recipe.debian.packages)}")
        debian.build(recipe.debian, recipe.users, python, layer, log)
        return layer

    def _assemble(self, base: Path, reference: str, work: Path) -> Path:
        own = list(self._entries)
        if self._recipe.program:
            own.append(Entry(self._recipe.program.path, content=self._compiled(work / "program")))
        write_layer(own, work / "own.tar")
        layout = work / "layout"
        oci.copy_layout(base / LAYOUT, layout)
        oci.add_layer(layout, work / "own.tar")
        oci.configure(layout, self._recipe.config)
        oci.archive(layout, reference, work / "image.tar")
        return work / "image.tar"

    def _compiled(self, target: Path) -> bytes:
        source = target.with_suffix(".c")
        source.write_bytes(self._program)
        command = ["gcc", "-static", "-Os", "-s", "-Wall", "-Werror", "-o", target, source]
        output(Command(command, what=f"compiling {self.name}", seconds=COMPILE_SECONDS))
        return target.read_bytes()

    def _base_digest(self) -> str:
        dumped = self._recipe.model_dump_json(include={"debian", "users", "python"})
        return _digest(FORMAT, platform.machine(), dumped, self._requirements)


@contextmanager
def _scratch(cache: Path) -> Generator[Path]:
    """A folder that is gone afterwards; what killed runs left goes first."""
    for leftover in cache.glob("work.*"):
        remove_tree(leftover)
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work.", dir=cache))
    work.chmod(0o755)
    try:
        yield work
    finally:
        remove_tree(work)


def _described(entry: Entry) -> bytes:
    return f"{replace(entry, content=None)!r}".encode() + (entry.content or b"")


def _digest(*parts: str | bytes) -> str:
    """12 hex digits of all parts and where each ends."""
    whole = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:12]


def _age(path: Path) -> float:
    return -path.stat().st_mtime


def _forget(newest_first: Sequence[Path]) -> None:
    """Delete what has not been used for longest; each checkout and each change of the code leaves another."""
    for old in newest_first[KEPT:]:
        if old.is_dir():
            remove_tree(old)
        else:
            old.unlink()
