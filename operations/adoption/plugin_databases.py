"""SQLite files of plugins: they move, and two servers on one volume must not open them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..migration.source import SQLITE_MAGIC
from .inventory import Entry, Kind

SUFFIXES = frozenset({".db", ".db3", ".sqlite", ".sqlite3"})
BESIDE = ("-wal", "-shm", "-journal")

# Where plugins that many people have keep theirs.
PLUGINS: Mapping[str, str] = {
    "data/playback_reporting.db": "Playback Reporting",
    "data/introskipper/introskipper.db": "Intro Skipper",
    "data/introskipper/introskipper-cache.db": "Intro Skipper",
    "data/infuse_sync.db": "InfuseSync",
    "data/streamyfin_plugin.db": "Streamyfin",
}

MEANING = (
    "SQLite on a network file system that two servers share: both may write it at once, locks between machines do not "
    "hold, and the file can be damaged. It is copied. Keep the old one, and switch the plugin off or run one replica "
    "(server.replicas: 1) while it is on."
)


@dataclass(frozen=True, slots=True)
class PluginDatabase:
    """One SQLite file that is no server's.

    Args:
        path: in the official image's layout.
        plugin: whose it is, as far as known.
        size: bytes, with what SQLite keeps beside it.
    """

    path: str
    plugin: str
    size: int


def find_plugin_databases(entries: Iterable[Entry]) -> tuple[PluginDatabase, ...]:
    """The SQLite files among what is copied. The first bytes of files with a database's suffix are read."""
    files = {entry.path: entry for entry in entries if entry.kind is Kind.FILE}
    return tuple(
        PluginDatabase(
            path,
            PLUGINS.get(path, _guess(path)),
            sum(files[part].size for part in (path, *(path + suffix for suffix in BESIDE)) if part in files),
        )
        for path, entry in files.items()
        if Path(path).suffix.lower() in SUFFIXES and _is_sqlite(Path(entry.source))
    )


def _guess(path: str) -> str:
    folders = path.split("/")
    return folders[1].split("_")[0] if folders[0] == "plugins" and folders[2:] else "a plugin"


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
