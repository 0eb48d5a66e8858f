"""Everything that can be known before a byte is written."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..naming import shown
from ..progress import Progress
from . import permission, refusals
from .destination import Destination, find_target, look_at
from .inventory import Entry, Kind, take_inventory
from .layout import Layout, find_layout, read_server_id
from .media import MediaRoot, PathCheck, check_paths
from .old_paths import LINK_FILE, find_old_paths
from .ownership import Owner, cannot_give
from .plugin_databases import PluginDatabase, find_plugin_databases
from .selection import Selection, select
from .settings import Finding, NewServers, find_settings, server_name
from .space import bytes_free, bytes_needed

LINK_FILE_LIMIT_BYTES = 4096
NO_SERVER_YET = (
    "no server has started on the new folder yet (no file in it is one's): do the first `pulumi up` before adopting, "
    "or the first server finds the old settings beside an empty database, and takes it for an old one"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be adopted, and how.

    Args:
        source: the old folder, or the data folder of a package.
        config: the old configuration folder, where it lies elsewhere.
        target: the new folder.
        new: where the new servers have what.
        media: the folders that the new servers have media in.
        accept_paths: go on although media lie elsewhere.
        leave_out_links: go on although links lead out of the folder.
        owner: whom the copies will be given to; None leaves them to this user.
    """

    source: Path
    config: Path | None
    target: Path
    new: NewServers
    media: tuple[MediaRoot, ...]
    accept_paths: bool = False
    leave_out_links: bool = False
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Args:
        layout: how the old server was installed.
        server_id: the old server's id.
        server_name: what it calls itself; may be empty.
        selection: what moves and what stays.
        destination: the new folder, and what is to be done there.
        findings: settings and files to look at.
        plugin_databases: SQLite files of plugins.
        paths: whether the media are where they were.
        notes: what else is to be known.
        refusals: why nothing will be copied; empty when it will.
    """

    layout: Layout
    server_id: str
    server_name: str
    selection: Selection
    destination: Destination
    findings: tuple[Finding, ...]
    plugin_databases: tuple[PluginDatabase, ...]
    paths: PathCheck
    notes: tuple[str, ...]
    refusals: tuple[str, ...]


def survey(request: Request, report: Progress) -> Survey:
    """Look at the old and the new folder. Writes nothing.

    Raises:
        UserError: exit code 2: the folders cannot be what they are said to be; 1: one of them changed meanwhile, or
            its storage fails.
    """
    try:
        return _survey(request, report)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        advice = "Run this as root, or as the owner" if denied else "If one of the servers still runs, stop it"
        raise UserError(f"cannot read {shown(str(error.filename))}: {error.strerror}. {advice}.") from error


def _survey(request: Request, report: Progress) -> Survey:
    layout = find_layout(request.source, request.config)
    target = find_target(request.target, layout)
    server_id = read_server_id(layout.data)
    report("looking at the old folder", None)
    inventory = take_inventory(layout, report)
    selection = select(inventory)
    libraries = tuple(_library(entry) for entry in selection.files if entry.path.endswith(LINK_FILE))
    paths = check_paths(layout.database, request.media, layout.homes, libraries, report)
    readable = () if selection.unreadable else selection.copied
    destination = look_at(target, server_id, None if selection.unreadable else readable, report)
    homes = (*layout.homes, *([paths.home] if paths.home else []))
    return Survey(
        layout,
        server_id,
        server_name(layout.config),
        selection,
        destination,
        (
            *find_settings(layout.config, request.new),
            *find_old_paths(readable, homes, request.new),
            *_own_rows(paths, request.new),
        ),
        find_plugin_databases(readable),
        paths,
        tuple(note for note in (paths.note, _order(destination)) if note),
        tuple(
            reason
            for reason in (
                refusals.still_open(layout.database),
                *destination.refusals,
                refusals.unreadable(selection.unreadable),
                None if request.leave_out_links else refusals.leaving_links(selection.leaving),
                refusals.unwritable(permission.unwritable(destination)),
                refusals.not_own(permission.not_own_folders(destination, readable)),
                _cannot_give(destination, readable, request.owner),
                refusals.no_room(target, bytes_needed(destination.comparison.missing), bytes_free(target)),
                None if request.accept_paths else refusals.media_elsewhere(paths),
            )
            if reason is not None
        ),
    )


def _library(entry: Entry) -> str:
    if entry.kind is not Kind.FILE or entry.size > LINK_FILE_LIMIT_BYTES:
        return entry.path
    try:
        return Path(entry.source).read_text("utf-8-sig", "surrogateescape").strip() or entry.path
    except OSError:
        return entry.path


def _cannot_give(found: Destination, copied: tuple[Entry, ...], owner: Owner | None) -> str | None:
    return None if owner is None or permission.may_give(found, copied, owner) else cannot_give(owner)


def _order(found: Destination) -> str:
    started = found.newcomer or found.moved or found.refusals or (found.folder / "config" / "database.xml").exists()
    return "" if started else NO_SERVER_YET


def _own_rows(paths: PathCheck, new: NewServers) -> tuple[Finding, ...]:
    if not paths.own or paths.home in (None, new.config):
        return ()
    advice = f"{paths.own:,} items, libraries among them, are in it; the new servers have it as {new.config}"
    return (Finding("data/jellyfin.db", "path of the old server", paths.home or "", advice),)
