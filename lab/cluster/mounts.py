"""What is mounted where, and whether it is safe to remove a folder."""

import re
import shutil
from pathlib import Path

from jellyfin_ha.operations.errors import UserError


def below(folder: Path, table: Path = Path("/proc/self/mountinfo")) -> list[Path]:
    """The places at or below `folder` where something is mounted in this mount namespace."""
    points = (Path(_unescape(line.split()[4])) for line in table.read_text().splitlines())
    return sorted(point for point in points if point == folder or folder in point.parents)


def remove_tree(folder: Path) -> None:
    """Removes a folder and all it holds, following neither links nor mounts.

    Raises:
        UserError: something is mounted in it; nothing was removed.
    """
    mounted = below(folder)
    if mounted:
        raise UserError(
            f"expected nothing to be mounted below {folder}, found {', '.join(map(str, mounted))}: "
            "what is there is not ours to delete, so nothing was; unmount it and try again"
        )
    if folder.exists():
        shutil.rmtree(folder)


def _unescape(field: str) -> str:
    """mountinfo writes blanks, tabs, newlines and backslashes as three octal digits (proc(5))."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
