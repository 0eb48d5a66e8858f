"""A single server's folder, as the official image leaves it, small."""

from __future__ import annotations

import codecs
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from jellyfin_ha.operations.adoption import (
    MediaRoot,
    NewServers,
    Outcome,
    Owner,
    Request,
    Survey,
    run,
    survey,
)
from jellyfin_ha.operations.progress import silent

SERVER_ID = "4a2f6b1c9d8e47f0a1b2c3d4e5f60718"
OTHER_ID = "00000000000000000000000000000001"
NEW = NewServers(config="/config", transcode="/data/transcode", cache="/data/cache")
NOBODY = 65534

SYSTEM = """<?xml version="1.0" encoding="utf-8"?>
<ServerConfiguration><IsStartupWizardCompleted>true</IsStartupWizardCompleted><ServerName>attic</ServerName>
<MetadataPath /><CachePath /></ServerConfiguration>
"""
ENCODING = "<EncodingOptions><TranscodingTempPath>/data/transcode</TranscodingTempPath></EncodingOptions>"
NETWORK = "<NetworkConfiguration><BaseUrl /><AutoDiscovery>false</AutoDiscovery></NetworkConfiguration>"

COPIED = {
    "config/system.xml": SYSTEM,
    "config/encoding.xml": ENCODING,
    "config/network.xml": NETWORK,
    "config/branding.xml": "<BrandingOptions />",
    "config/migrations.xml": "<MigrationOptions />",
    "config/logging.default.json": "{}",
    "config/users/alice/profile.jpg": "a face",
    "config/ScheduledTasks/7738148f.js": "[]",
    "data/device.txt": "\ufeff" + SERVER_ID,
    "data/playlists/Evening [playlists]/playlist.xml": "<Item><Path>/media/films/A (1999)/A.mkv</Path></Item>",
    "data/collections/Trilogy [boxset]/collection.xml": "<Item />",
    "data/subtitles/a/b.srt": "1",
    "data/attachments/a/font.ttf": "font",
    "data/trickplay/a/b/320 - 10x10/0.jpg": "tiles",
    "data/splashscreen.png": "png",
    "metadata/library/0a/0a1b/poster.jpg": "poster",
    "metadata/People/A/Ann/folder.jpg": "face",
    "plugins/Webhook_18.0.0.0/meta.json": "{}",
    "plugins/Webhook_18.0.0.0/Webhook.dll": "MZ",
    "plugins/configurations/Jellyfin.Plugin.Webhook.xml": "<PluginConfiguration />",
    "root/default/Films/options.xml": "<LibraryOptions />",
    "root/default/Films/films.mblink": "/media/films",
    "root/default/Films/movies.collection": "",
}
LEFT_OUT = {
    "config/database.xml": "<DatabaseConfigurationOptions />",
    "data/jellyfin.db-wal": "",
    "data/library.db.old": "old library",
    "data/SQLiteBackups/1_jellyfin.db": "backup",
    "data/backups/jellyfin-backup-1.zip": "PK",
    "cache/images/x.jpg": "cached",
    "log/log_20261123.log": "lines",
    "transcodes/0.ts": "segment",
    ".jellyfin-data": "",
    "config/.jellyfin-config": "",
    "plugins/.jellyfin-plugin": "",
}
PATHS = ("/media/films", "/media/films/A (1999)/A.mkv", "/config/root/default/Films", "%MetadataPath%/x", "http://tv/1")


def make(folder: Path, *, paths: Iterable[str] = PATHS, more: dict[str, str] | None = None) -> Path:
    """The folder, with a database that names these paths."""
    for path, content in {**COPIED, **LEFT_OUT, **(more or {})}.items():
        write(folder / path, content)
    write_database(folder / "data" / "jellyfin.db", paths)
    return folder


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))


def write_database(path: Path, paths: Iterable[str], home: str = "/config") -> None:
    connection = sqlite3.connect(path)
    connection.execute('CREATE TABLE "BaseItems" ("Path" TEXT, "Type" TEXT)')
    connection.execute(
        "INSERT INTO \"BaseItems\" VALUES (?, 'MediaBrowser.Controller.Entities.AggregateFolder')", (f"{home}/root",)
    )
    connection.executemany("INSERT INTO \"BaseItems\" VALUES (?, 'x')", ((path,) for path in paths))
    connection.commit()
    connection.close()


def request(
    source: Path,
    target: Path,
    *,
    config: Path | None = None,
    media: tuple[MediaRoot, ...] = (MediaRoot("/media"),),
    accept_paths: bool = False,
    leave_out_links: bool = False,
    owner: Owner | None = None,
) -> Request:
    return Request(source, config, target, NEW, media, accept_paths, leave_out_links, owner)


def look(source: Path, target: Path, *, config: Path | None = None) -> Survey:
    return survey(request(source, target, config=config), silent)


def adopt(source: Path, target: Path, *, owner: Owner | None = None) -> Outcome:
    """Survey and copy; a refusal fails the test."""
    return copy(look(source, target), owner=owner)


def copy(found: Survey, *, owner: Owner | None = None) -> Outcome:
    assert found.refusals == ()
    return run(found, owner=owner, report=silent)


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder but the adoption's record."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name != "jellyfin-ha-adoption.jsonl"
    }


def expected() -> dict[str, bytes]:
    return {path: content.encode() for path, content in COPIED.items()}


def state(folder: Path) -> list[tuple[str, int, int, int]]:
    """All that a change of a folder would show in."""
    found = [folder, *sorted(folder.rglob("*"))] if folder.exists() else []
    return [(str(path), about.st_size, about.st_mtime_ns, about.st_mode) for path in found for about in [path.lstat()]]


def in_child(work: Callable[[], None]) -> int:
    """Run in a process of its own; its wait status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            os.write(2, f"child: {error!r}\n".encode())
            os._exit(3)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def as_nobody(groups: Iterable[int] = ()) -> None:
    """Let this process, a child, go on as a user without rights, who may not even read Python's own folder."""
    for encoding in ("ascii", "utf-8-sig"):
        codecs.lookup(encoding)
    if os.geteuid() == 0:
        os.setgroups(list(groups))
        os.setgid(NOBODY)
        os.setuid(NOBODY)
