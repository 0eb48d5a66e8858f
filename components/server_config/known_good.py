"""The last good copy of each of a server's settings, and going back to it.

Jellyfin truncates a file to write it. One that it then cannot read it replaces by defaults: with those of system.xml
the set-up wizard is open again, and lets anybody make the first administrator; with another device.txt it is another
server, which clients refuse.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .files import read, settled, write
from .problem import CannotStart
from .xml_file import Unreadable, values

SYSTEM = "config/system.xml"
DEVICE = "data/device.txt"
DATABASE = "config/database.xml"
WIZARD = "IsStartupWizardCompleted"

# Below the server's data folder. Not `.jellyfin-...`: a server takes that for another server's marker.
FOLDER = "jellyfin-ha"
KNOWN_GOOD = f"{FOLDER}/known-good"
DAMAGED = f"{FOLDER}/damaged"
SET_UP = f"{FOLDER}/set-up-completed"

_ID = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")


def server_id(content: bytes | None) -> str | None:
    """The id in a device.txt, which Jellyfin writes with a byte order mark; None when there is none in it."""
    text = (content or b"").decode("utf-8-sig", "replace").strip()
    return text if _ID.fullmatch(text) else None


def wizard_completed(content: bytes | None) -> bool:
    """Whether this system.xml says that the set-up was completed."""
    try:
        said = values(content or b"").get(WIZARD)
    except Unreadable:
        return False
    return isinstance(said, str) and said.lower() in ("true", "1")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the good copies of one server's files.

    Args:
        data: the server's data folder.
        say: told what was found and done, a line at a time.
        settle_seconds: how long to wait for a file that looks torn.
    """

    data: Path
    say: Callable[[str], None]
    settle_seconds: float

    def heal(self) -> None:
        """Puts good copies in the place of files that are torn, and of those that defaults were written over.

        Raises:
            CannotStart: system.xml is torn and there is no good copy.
        """
        for path in self._paths():
            now, good = self._now(path), self._good(path)
            reason = self._fault(path, now, good)
            if reason is None:
                continue
            if now is not None:
                aside = f"{DAMAGED}/{path}.{time.strftime('%Y-%m-%dT%H%M%SZ', time.gmtime())}"
                # A copy: at no moment may a server that starts find no file.
                write(self.data / aside, now)
                reason = f"{reason}; it is kept as {aside}"
            if good is not None:
                write(self.data / path, good)
                self.say(f"{path}: {reason}; the last good copy is back in its place")
            elif path == SYSTEM:
                raise CannotStart(
                    f"{path}: {reason}, and there is no good copy yet. A server would write defaults over it and let "
                    "anybody set it up: put a copy of yours there, or remove the file if nobody has set this server up"
                )
            else:
                (self.data / path).unlink(missing_ok=True)
                self.say(f"{path}: {reason}; there is no good copy, so the server will make a new one")

    def keep(self) -> None:
        """Makes the files as they are the good copies; those that are torn are left out."""
        for path in self._paths():
            now = self._now(path)
            if now is not None and _whole(path, now):
                write(self.data / KNOWN_GOOD / path, now)

    def set_up_completed(self) -> bool:
        """Whether anything shows that somebody, or a migration, has completed the set-up."""
        return (self.data / SET_UP).exists() or any(
            wizard_completed(read(self.data / folder / SYSTEM)) for folder in (".", KNOWN_GOOD)
        )

    def _now(self, path: str) -> bytes | None:
        return settled(self.data / path, lambda content: _whole(path, content), self.settle_seconds)

    def _good(self, path: str) -> bytes | None:
        return read(self.data / KNOWN_GOOD / path)

    def _paths(self) -> Iterator[str]:
        yield from (SYSTEM, DEVICE)
        for pattern in ("config/*.xml", "plugins/configurations/*.xml", "config/ScheduledTasks/*.js"):
            for file in sorted(self.data.glob(pattern)):
                path = file.relative_to(self.data).as_posix()
                # database.xml is declared whole; a copy might keep a password that somebody's entry point wrote there.
                if path not in (SYSTEM, DATABASE):
                    yield path

    def _fault(self, path: str, now: bytes | None, good: bytes | None) -> str | None:
        if now is None:
            return None if good is None else "it is gone"
        if not _whole(path, now):
            return f"it is torn, {len(now)} bytes"
        if good is None:
            return None
        if path == DEVICE and server_id(now) != server_id(good):
            return f"it names another server, {server_id(now)} in the place of {server_id(good)}"
        if path == SYSTEM and wizard_completed(good) and not wizard_completed(now):
            return "it says that nobody has set this server up"
        return None


def _whole(path: str, content: bytes) -> bool:
    try:
        if path == DEVICE:
            return server_id(content) is not None
        if path.endswith(".js"):
            json.loads(content.decode("utf-8-sig"))
        else:
            values(content)
    except ValueError:  # Unreadable, UnicodeDecodeError and JSONDecodeError are such.
        return False
    return True
