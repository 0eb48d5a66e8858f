"""The server's id, kept in its data folder: the same for every replica that shares the folder."""

from pathlib import Path
from uuid import uuid4


def server_id(data_dir: Path) -> str:
    """The id in `data/device.txt` (32 hex digits), made when there is none."""
    path = data_dir / "data" / "device.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Jellyfin writes the file with a byte order mark.
        found = path.read_text("utf-8-sig").strip()
    except FileNotFoundError:
        found = ""
    if not found:
        found = uuid4().hex
        path.write_text(found, "utf-8")
    return found
