"""Everything that happens to a server's folders before it starts.

Two pods may do this at once, and while a server runs on the same folder: there is no lock, which a killed pod could
keep on a network file system. Each step is one rename, and two pods that want the same write the same.
"""

import re
from collections.abc import Callable
from pathlib import Path

from .declared import Declared
from .files import SETTLE_SECONDS, read, write
from .known_good import DEVICE, SET_UP, SYSTEM, WIZARD, Keeper, server_id, wizard_completed
from .problem import CannotStart
from .xml_file import Change, Unreadable, Value, merged

# In the pod's own folder: what the readiness probe holds the server to.
EXPECTED_ID = "server-id"
EXPECTED_SET_UP = "set-up-completed"

_SECRET = re.compile("password|secret|token|key|connectionstring", re.IGNORECASE)


def prepare(
    data: Path,
    own: Path,
    declared: Declared,
    *,
    say: Callable[[str], None],
    settle_seconds: float = SETTLE_SECONDS,
) -> None:
    """Mends the folder, makes the declared settings so, and notes what the server must be like.

    Args:
        data: the server's data folder, which servers may share.
        own: a folder that this pod alone has.
        declared: the settings.
        say: told each difference from what is declared, and each file that was mended.
        settle_seconds: how long to wait for a file that looks torn.

    Raises:
        CannotStart: a server must not start on this folder.
        OSError: a file cannot be read or written.
    """
    keeper = Keeper(data, say, settle_seconds)
    keeper.heal()
    set_up = keeper.set_up_completed()
    for path, file in declared.xml.items():
        elements = {**file.elements, WIZARD: "true"} if path == SYSTEM and set_up else file.elements
        try:
            content, changes = merged(read(data / path), file.root, elements)
        except Unreadable as error:
            raise CannotStart(f"{path}: {error}") from None
        write(data / path, content)
        for change in changes:
            say(f"{path}: {_words(change)}")
    for path, text in {**declared.texts, **declared.own}.items():
        if write(data / path, text.encode()):
            say(f"{path}: had another content, is now as declared")
    for path, text in declared.own.items():
        write(own / Path(path).name, text.encode())
    keeper.keep()
    _expect(data, own)


def _expect(data: Path, own: Path) -> None:
    found = server_id(read(data / DEVICE))
    if found is not None:
        write(own / EXPECTED_ID, found.encode())
    if wizard_completed(read(data / SYSTEM)):
        write(data / SET_UP, b"")
        write(own / EXPECTED_SET_UP, b"")


def _words(change: Change) -> str:
    if _SECRET.search(change.name):
        return f"{change.name} had another value, is now as declared"
    return f"{change.name} was {_shown(change.old)}, is now {_shown(change.new)}"


def _shown(value: Value | None) -> str:
    if value is None:
        return "not there"
    if isinstance(value, str):
        return f"'{value}'"
    return ", ".join(f"'{item}'" for item in value) or "empty"
