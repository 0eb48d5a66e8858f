"""Which entries of an inventory move, which stay, and how that is told without naming a million files."""

from collections.abc import Iterable
from dataclasses import dataclass

from .inventory import Entry, Inventory, Kind
from .rules import Rule, rule_of

# A path that no rule names is told by its first folders: deep enough to recognise it by.
FOLDERS_OF_A_NAME = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are told together.

    Args:
        path: the folder, or the single file, in the official image's layout.
        files: how many.
        size: their bytes.
        reason: why they are told.
    """

    path: str
    files: int
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The division of an inventory.

    Args:
        copied: what moves: folders before what is in them.
        watched: what must not change while it is copied: that, and the old server's databases.
        by_rule: the copied files, by the rule that names them.
        unnamed: the copied files that no rule names.
        left_out: what stays, and why.
        leaving: links that lead out of the folder to something.
        unreadable: paths on this machine, of what moves, that this user may not read.
    """

    copied: tuple[Entry, ...]
    watched: tuple[Entry, ...]
    by_rule: tuple[Group, ...]
    unnamed: tuple[Group, ...]
    left_out: tuple[Group, ...]
    leaving: tuple[Entry, ...]
    unreadable: tuple[str, ...]

    @property
    def files(self) -> tuple[Entry, ...]:
        """The files that move."""
        return tuple(entry for entry in self.copied if entry.kind is Kind.FILE)


def select(inventory: Inventory) -> Selection:
    """Apply the rules to everything that was found."""
    copied: list[Entry] = []
    watched: list[Entry] = []
    leaving: list[Entry] = []
    by_rule, unnamed, left_out = _Groups(), _Groups(), _Groups()
    for entry in inventory.entries:
        rule = rule_of(entry.path + "/" if entry.kind is Kind.FOLDER else entry.path)
        if rule is not None and not rule.copied:
            if entry.kind is not Kind.FOLDER:
                left_out.add(rule.folder or entry.path, entry, rule.reason)
            if entry.path.startswith("data/jellyfin.db"):
                watched.append(entry)
            continue
        if entry.kind in (Kind.SPECIAL, Kind.DEAD_LINK, Kind.LEAVING_LINK):
            left_out.add(entry.path, entry, _why_not(entry))
            if entry.kind is Kind.LEAVING_LINK:
                leaving.append(entry)
            continue
        copied.append(entry)
        watched.append(entry)
        if entry.kind is not Kind.FOLDER:
            _tell(entry, rule, by_rule, unnamed)
    return Selection(
        tuple(copied),
        tuple(watched),
        by_rule.all(),
        unnamed.all(),
        left_out.all(),
        tuple(leaving),
        tuple(source for path, source in inventory.unreadable if (rule := rule_of(path)) is None or rule.copied),
    )


def changed_between(before: Iterable[Entry], after: Iterable[Entry]) -> tuple[str, ...]:
    """The paths that are new, gone or not the same any more."""
    difference = set(before) ^ set(after)
    return tuple(sorted({entry.path for entry in difference}))


def _tell(entry: Entry, rule: Rule | None, by_rule: "_Groups", unnamed: "_Groups") -> None:
    if rule is not None:
        by_rule.add(rule.pattern, entry, rule.reason)
    else:
        name = "/".join(entry.path.split("/")[:FOLDERS_OF_A_NAME])
        unnamed.add(name, entry, "no rule names it: copied, so that nothing is lost")


def _why_not(entry: Entry) -> str:
    if entry.kind is Kind.SPECIAL:
        return "a socket, pipe or device"
    return f"{entry.kind.value}: {entry.link}"


class _Groups:
    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, path: str, entry: Entry, reason: str) -> None:
        files, size = self._found.get((path, reason), (0, 0))
        self._found[path, reason] = (files + 1, size + entry.size)

    def all(self) -> tuple[Group, ...]:
        return tuple(Group(path, files, size, reason) for (path, reason), (files, size) in self._found.items())
