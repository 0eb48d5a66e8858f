"""What is missing of the toolchain is built; what is there is used."""

import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from jellyfin_ha.operations.progress import Progress

from ..cache import cache_folder, filling, locked, need_space
from ..commands import Command, output
from .build import build
from .engine import Toolchain, installed_pulumi
from .go import Go, find_go, wanted_version
from .modules import GIB, GoModule, Part, modules

LOCK_SECONDS = 2 * 3600
ASK_SECONDS = 60
# The programs themselves, beside Go's own caches.
PROGRAMS_BYTES = GIB


def ensure(progress: Progress, *, parts: Collection[Part] = ("engine", "cluster")) -> Toolchain:
    """The toolchain, built as far as it is not in the cache yet (some 17 minutes on two cores for all of it).

    A second run meanwhile, of this checkout or another, waits. A run that is ended leaves nothing half made, and
    the next one goes on with the packages that Go has compiled by then.

    Args:
        progress: told what is built and how far it is.
        parts: "engine" (Pulumi with its Python host and Kubernetes provider; a recent Pulumi on PATH is used
            instead), "cluster" (Kubernetes, etcd, CoreDNS) and "checks" (actionlint, for tests alone).

    Raises:
        UserError: no Go (2), too little disk (2), a download or a build failed (1).
    """
    cache = cache_folder() / "toolchain"
    installed = installed_pulumi(progress, ours=cache) if "engine" in parts else None
    wanted = [module for module in modules() if module.part in parts and not (installed and module.part == "engine")]
    with locked(cache / "lock", progress, what="the toolchain", seconds=LOCK_SECONDS):
        folder = _built(wanted, cache, progress)
    built_engine = "engine" in parts and installed is None
    return Toolchain(bin=folder, engine=folder / "pulumi" if built_engine else installed, built_engine=built_engine)


def _built(wanted: Sequence[GoModule], cache: Path, progress: Progress) -> Path:
    if not wanted:
        return _links([], cache)
    go = find_go(wanted_version(module.folder for module in wanted), cache, progress)
    targets = [cache / f"{module.name}-{module.key(go.release)}" for module in wanted]
    missing = [(module, target) for module, target in zip(wanted, targets, strict=True) if not target.exists()]
    if missing:
        _check_space(go, [module for module, _ in missing], cache)
    for number, (module, target) in enumerate(missing, 1):
        label = f"toolchain {number} of {len(missing)}"

        def tell(message: str, fraction: float | None = None, /, label: str = label) -> None:
            progress(f"{label}, {message}", fraction)

        build(module, go, target, cache / "logs" / f"{module.name}.log", tell)
    return _links(targets, cache)


def _check_space(go: Go, missing: Sequence[GoModule], cache: Path) -> None:
    said = output(
        Command([go.program, "env", "GOCACHE", "GOMODCACHE"], "asking Go for its caches", ASK_SECONDS, go.environment())
    )
    needed = sum(module.disk for module in missing) + PROGRAMS_BYTES
    for folder in (*map(Path, said.split()), cache):
        need_space(folder, needed, what=f"building {', '.join(module.name for module in missing)}")


def _links(targets: Sequence[Path], cache: Path) -> Path:
    """One folder with all programs, as hard links: Pulumi looks for its language host beside itself."""
    key = hashlib.sha256("\n".join(sorted(target.name for target in targets)).encode()).hexdigest()[:12]
    folder = cache / f"bin-{key}"
    if not folder.exists():
        with filling(folder) as work:
            for program in (program for target in targets for program in (target / "bin").iterdir()):
                os.link(program, work / program.name)
    return folder
