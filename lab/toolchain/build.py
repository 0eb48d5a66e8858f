"""Building one Go module into the cache."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from jellyfin_ha.operations.progress import Progress

from ..cache import filling
from ..commands import Command, output, run_logged
from .go import Go
from .modules import Copied, GoModule

ASK_SECONDS = 300
DOWNLOAD_SECONDS = 3600
BUILD_SECONDS = 3 * 3600
REPORT_SECONDS = 1.0


def build(module: GoModule, go: Go, target: Path, log: Path, progress: Progress) -> None:
    """Make `target/bin` with the module's programs and scripts; on failure `target` does not come to be.

    Args:
        module: what to build.
        go: the compiler.
        target: the folder to make; must not exist.
        log: what Go said; a log of an earlier run is replaced.
        progress: told the module, how far it is, and the time it took so far.

    Raises:
        UserError: a download or the build failed; with the last lines and where the log is.
    """
    log.unlink(missing_ok=True)
    with filling(target) as work:
        sources, programs = work / "src", work / "bin"
        shutil.copytree(module.folder, sources)
        programs.mkdir()
        _Build(module, go, sources, log, progress).run(programs)
        shutil.rmtree(sources)


class _Build:
    def __init__(self, module: GoModule, go: Go, sources: Path, log: Path, progress: Progress) -> None:
        self._module = module
        self._go = go
        self._sources = sources
        self._log = log
        self._packages = list(module.programs.values())
        self._pace = _Pace(progress, module.name)

    def run(self, programs: Path) -> None:
        for name in self._module.sources:
            # What comes out of a module can be copied only once that is fetched; until then its name will do.
            (self._sources / name).touch()
        packages = self._download()
        for name, copied in self._module.sources.items():
            self._copy(copied, self._sources / name)
        self._compile(packages, programs)
        for name, package in self._module.programs.items():
            (programs / _name_given_by_go(package, self._module.name)).rename(programs / name)
        for name, copied in self._module.scripts.items():
            self._copy(copied, programs / name)
            (programs / name).chmod(0o755)

    def _download(self) -> int:
        """Fetch what the build needs, and nothing more; returns how many packages that is.

        `go list -deps` fetches the modules whose packages are needed. `go mod download` would fetch all that
        go.mod names, and fails where a proxy holds a module without its metadata.
        """
        modules = sum(" v" in line for line in (self._sources / "go.mod").read_text().splitlines())
        fetched = packages = 0

        def on_line(line: str) -> None:
            nonlocal fetched, packages
            if line.startswith("go: downloading "):
                fetched += 1
                self._pace.tell(f"downloading modules, {fetched} of {modules} at most", min(fetched / modules, 1.0))
            elif not line.startswith("go: "):
                packages += 1

        self._pace.stage("looking for its modules")
        self._run_logged(["list", "-deps", *self._packages], "downloading its modules", DOWNLOAD_SECONDS, on_line)
        return packages

    def _compile(self, total: int, programs: Path) -> None:
        compiled = 0

        def on_line(line: str) -> None:
            nonlocal compiled
            # `-v` names each package when its compilation starts; those found in Go's cache are not named.
            compiled += " " not in line
            self._pace.tell(f"compiling, {compiled} of {total} packages at most", min(compiled / total, 1.0))

        self._pace.stage(f"compiling {total} packages, less those in Go's cache")
        parallel = ["-p", str(os.cpu_count() or 1)]
        arguments = ["build", "-v", *parallel, *self._module.flags, "-o", f"{programs}/", *self._packages]
        self._run_logged(arguments, "compiling", BUILD_SECONDS, on_line)

    def _copy(self, copied: Copied, target: Path) -> None:
        """Copy a file of a module's sources, which Go keeps read-only."""
        folder = Path(self._ask(["list", "-m", "-f", "{{.Dir}}", copied.module]).strip())
        shutil.copyfile(folder / copied.path, target)

    def _ask(self, arguments: list[str]) -> str:
        return output(self._command(arguments, "reading its modules", ASK_SECONDS))

    def _run_logged(self, arguments: list[str], what: str, seconds: float, on_line: Callable[[str], None]) -> None:
        run_logged(self._command(arguments, what, seconds), self._log, on_line)

    def _command(self, arguments: list[str], what: str, seconds: float) -> Command:
        return Command(
            arguments=[self._go.program, *arguments],
            what=f"{self._module.name}: {what}",
            seconds=seconds,
            environment=self._go.environment(),
            folder=self._sources,
        )


class _Pace:
    """Passes progress on, once a second at most, with the time since the start."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name
        self._started = time.monotonic()
        self._told = 0.0

    def stage(self, message: str) -> None:
        """Something new begins: always told."""
        self._told = time.monotonic()
        self._progress(f"{self._name}: {message} ({self._told - self._started:.0f} s)", None)

    def tell(self, message: str, fraction: float) -> None:
        """How far it is: told when the last word is long enough ago."""
        now = time.monotonic()
        if now - self._told >= REPORT_SECONDS:
            self._told = now
            self._progress(f"{self._name}: {message} ({now - self._started:.0f} s)", fraction)


def _name_given_by_go(package: str, module: str) -> str:
    """What `go build -o folder/` calls a program: the last element of its path that is not a major version."""
    if package == ".":
        return module
    *rest, last = package.split("/")
    return rest[-1] if last.startswith("v") and last[1:].isdigit() else last
