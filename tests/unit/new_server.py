"""What a new server writes by itself into the folder that it shares with the others, before anybody has set it up."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from .old_server import OTHER_ID, write

SYSTEM = (
    "<ServerConfiguration>\n  <IsStartupWizardCompleted>false</IsStartupWizardCompleted>\n"
    "  <ServerName />\n</ServerConfiguration>"
)
# In the way of what the old server has, with another content.
IN_THE_WAY = {
    "config/encoding.xml": "<EncodingOptions><EncodingThreadCount>-1</EncodingThreadCount></EncodingOptions>",
    "config/network.xml": "<NetworkConfiguration />",
    "plugins/Webhook_18.0.0.0/meta.json": '{"status": "Active"}',
    "config/system.xml": SYSTEM,
    "data/device.txt": OTHER_ID,
}
STAYS = {
    "config/database.xml": "<DatabaseConfigurationOptions><DatabaseType>Jellyfin-PostgreSQL</DatabaseType>",
    # As the old server has it.
    "config/logging.default.json": "{}",
    "config/ScheduledTasks/new.js": "[]",
    "data/ScheduledTasks/new.js": "{}",
    "plugins/PostgreSQL/Jellyfin.Plugin.Pgsql.dll": "MZ",
    "plugins/configurations/new.xml": "<PluginConfiguration />",
    "config/.jellyfin-config": "",
    "data/.jellyfin-data": "",
    "root/.jellyfin-root": "",
    "metadata/.jellyfin-metadata": "",
}
EMPTY = ("root/default", "data/playlists", "metadata/People", "metadata/library")


def make_new(folder: Path) -> Path:
    """The folder after the first start."""
    for path, content in {**STAYS, **IN_THE_WAY}.items():
        write(folder / path, content)
    for path in EMPTY:
        (folder / path).mkdir(parents=True, exist_ok=True)
    return folder


def start_again(folder: Path) -> dict[str, str]:
    """What a start writes where files are missing, and anew; returns that."""
    content = {"config/encoding.xml": f"<EncodingOptions><EncoderAppPath>{uuid4()}</EncoderAppPath></EncodingOptions>"}
    if not (folder / "config/system.xml").exists():
        content["config/system.xml"] = SYSTEM
    if not (folder / "data/device.txt").exists():
        content["data/device.txt"] = uuid4().hex
    for path, text in content.items():
        (folder / path).write_text(text)
    return content


def contents(folder: Path) -> set[str]:
    """Every content that a file below the folder has, whatever it is called."""
    return {
        path.read_text("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file() and not os.path.islink(path)  # noqa: PTH114
    }
