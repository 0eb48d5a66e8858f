"""Python packages for an image, at the versions and hashes of the project's lock."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..commands import Command, run_logged
from .recipe import Python

INSTALL_SECONDS = 900


def locked(names: Sequence[str], lock: Path) -> str:
    """The part of a lock with hashes (`name==version \\ --hash=...`) that is about `names`.

    Raises:
        UserError: a name is not in it (exit code 2).
    """
    blocks = {
        _canonical(block.partition("==")[0]): block
        for block in re.split(r"^(?=\w)", lock.read_text(), flags=re.MULTILINE)
        if "==" in block
    }
    missing = [name for name in names if _canonical(name) not in blocks]
    if missing:
        raise UserError(f"An image needs {', '.join(missing)}, which {lock} does not hold.", exit_code=2)
    return "".join(blocks[_canonical(name)].rstrip() + "\n" for name in names)


def install(python: Python, requirements: str, target: Path, log: Path) -> None:
    """Install locked wheels into a folder, for the image's Python and not for the one that runs this.

    Raises:
        UserError: pip could not, one of them needs a package that the recipe does not list, or a hash differs.
    """
    target.mkdir(parents=True)
    file = target.parent / "requirements.txt"
    file.write_text(requirements)
    run_logged(
        Command(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--require-hashes", "--only-binary", ":all:", "--no-compile"),
                *("--python-version", python.version, "--implementation", "cp"),
                *("--target", target, "--requirement", file),
            ],
            what="installing an image's Python packages",
            seconds=INSTALL_SECONDS,
        ),
        log,
    )


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
