"""Where a single server keeps what, by how it was installed."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..naming import shown

DEVICE = "data/device.txt"
# Jellyfin takes any form of a GUID and shows it to clients as it stands there.
SERVER_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ID_FILE_LIMIT_BYTES = 1024
NAMES_IN_A_MESSAGE = 12

OFFICIAL = "official image"
LINUXSERVER = "linuxserver image"
SEPARATE = "separate folders"

EXPECTED = (
    "Expected one of: the folder behind /config of the official image (config/system.xml and data/ in it); the one "
    "of the linuxserver image (system.xml and data/data/ in it); or, for a package, its data folder and "
    "--from-config with its configuration folder (Debian: --from /var/lib/jellyfin --from-config /etc/jellyfin)."
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one installation.

    Args:
        kind: OFFICIAL, LINUXSERVER or SEPARATE.
        data: the server's data folder (`--datadir`): data/, metadata/, plugins/ and root/ are in it.
        config: its configuration folder (`--configdir`): system.xml is in it.
        homes: what the server itself may have called its data folder, and its configuration folder.
    """

    kind: str
    data: Path
    config: Path
    homes: tuple[str, ...]

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.data / "data" / "jellyfin.db"


def find_layout(source: Path, config: Path | None = None) -> Layout:
    """Tell how a server was installed.

    Args:
        source: the folder behind /config, or the data folder of a package.
        config: the configuration folder, where it lies elsewhere.

    Raises:
        UserError: exit code 2: this is no server's folder; says what was expected and what was found.
    """
    for folder in (source, *([config] if config else [])):
        if not folder.is_dir():
            raise UserError(f"{shown(str(folder))} is not a folder. {EXPECTED}", exit_code=2)
    source = source.resolve()
    if config is not None:
        return _separate(source, config.resolve())
    if _is_config(source / "config") and (source / "data").is_dir():
        return Layout(OFFICIAL, source, (source / "config").resolve(), ("/config", str(source)))
    if _is_config(source) and (source / "data" / "data").is_dir():
        _no_second_config(source / "data", source)
        return Layout(LINUXSERVER, source / "data", source, ("/config/data", str(source / "data")))
    raise UserError(_what_is_wrong(source), exit_code=2)


def read_server_id(data: Path) -> str:
    """The id of the server with this data folder.

    Raises:
        UserError: exit code 2: there is none, or it is no id; with a new one every client must log in anew.
    """
    path = data / DEVICE
    try:
        with path.open("rb") as content:
            text = content.read(ID_FILE_LIMIT_BYTES).decode("utf-8-sig", "replace").strip()
    except OSError as error:
        raise UserError(
            f"expected the server's id in {shown(str(path))}, cannot read it: {error.strerror}. Without it the new "
            "servers would be another server to every client. Was this server ever started?",
            exit_code=2,
        ) from error
    if not SERVER_ID.fullmatch(text):
        raise UserError(
            f"expected the server's id in {shown(str(path))}, 32 hexadecimal digits, found {text[:40]!r}. Put the "
            "file of a backup in its place, or start and stop the old server once: it makes a new id.",
            exit_code=2,
        )
    return text


def _separate(data: Path, config: Path) -> Layout:
    if not _is_config(config):
        raise UserError(f"{shown(str(config))} holds no system.xml: {_names(config)}. {EXPECTED}", exit_code=2)
    if not (data / "data").is_dir():
        raise UserError(f"{shown(str(data))} holds no folder data: {_names(data)}. {EXPECTED}", exit_code=2)
    if data == config:
        raise UserError(
            f"{shown(str(data))} is given as data and as configuration folder. A server of 10.11 does not start so: "
            "give the two folders that it really uses.",
            exit_code=2,
        )
    _no_second_config(data, config)
    return Layout(SEPARATE, data, config, ("/var/lib/jellyfin", "/etc/jellyfin", str(data), str(config)))


def _no_second_config(data: Path, config: Path) -> None:
    inner = data / "config"
    if inner.is_dir() and inner.resolve() != config and any(inner.iterdir()):
        raise UserError(
            f"expected one configuration folder, found two: {shown(str(config))} and {shown(str(inner))}. Give the "
            "one that the server uses with --from-config, or without it when it is the latter; move the other one "
            "elsewhere.",
            exit_code=2,
        )


def _is_config(folder: Path) -> bool:
    return (folder / "system.xml").is_file()


def _what_is_wrong(source: Path) -> str:
    found = f"Found in {shown(str(source))}: {_names(source)}."
    if _is_config(source):
        return f"This is only the configuration folder of a server. {EXPECTED} {found}"
    if (source / DEVICE).is_file() or (source / "data" / "jellyfin.db").is_file():
        return f"This is a server's data folder without its configuration folder: add --from-config. {EXPECTED} {found}"
    return f"This is not the folder of a Jellyfin server. {EXPECTED} {found}"


def _names(folder: Path) -> str:
    names = sorted(shown(path.name) for path in folder.iterdir())
    more = f" and {len(names) - NAMES_IN_A_MESSAGE} more" if len(names) > NAMES_IN_A_MESSAGE else ""
    return (", ".join(names[:NAMES_IN_A_MESSAGE]) + more) or "nothing"
