"""The copying itself: folders, files, links, and the last look at the old folder."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UserError
from ..naming import shown
from ..progress import Progress
from .copy import PERMISSIONS, copy_file
from .destination import require_still
from .folders import make_durable
from .inventory import Entry, Kind, take_inventory
from .journal import Journal, open_journal, read_record
from .layout import Layout
from .ownership import Owner, give_path
from .rules import PART_PREFIX, PART_SUFFIX
from .selection import Selection, changed_between, select
from .set_aside import set_aside
from .surveying import Survey
from .target import Comparison

OWNER_ENTERS = 0o700
NAMES_IN_A_MESSAGE = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did.

    Args:
        files: how many it copied.
        size: their bytes.
        known: how many were there already, from an earlier run or with the same content.
    """

    files: int
    size: int
    known: int


def run(found: Survey, *, owner: Owner | None, report: Progress) -> Outcome:
    """Set aside what is in the way, and copy what is missing. Killed at any moment, the next run goes on from there.

    Args:
        found: what was found a moment ago, with nothing to refuse.
        owner: whom the copies are given to.
        report: told what is copied.

    Raises:
        UserError: the old folder changed, the new one is full or refuses, or another run writes there.
    """
    layout, selection = found.layout, found.selection
    target, comparison = found.destination.folder, found.destination.comparison
    try:
        if not target.exists():
            target.mkdir()
            target.chmod(layout.data.stat().st_mode & PERMISSIONS | OWNER_ENTERS)
            give_path(target, owner)
        with open_journal(target, found.server_id, owner) as journal:
            if found.destination.moves:
                require_still(found.destination, found.server_id, read_record(target))
                set_aside(target, found.destination.moves, journal, owner)
            outcome = _copy(selection, comparison, target, journal, owner, report)
            _require_unchanged(layout, selection, report)
            _give_what_was_there(selection, comparison, target, owner)
            _settle_folders(selection.copied, target, owner)
            journal.finish(datetime.now(UTC).isoformat(timespec="seconds"))
    except OSError as error:
        where = shown(str(error.filename or target))
        raise UserError(
            f"cannot go on at {where}: {error.strerror}. Mend that and run this again; what has been copied is kept."
        ) from error
    return outcome


def _copy(
    selection: Selection, comparison: Comparison, target: Path, journal: Journal, owner: Owner | None, report: Progress
) -> Outcome:
    for entry, written in comparison.same:
        journal.add(entry.path, written)
    total = sum(entry.size for entry in comparison.missing)
    done = files = 0
    for entry in comparison.missing:
        place = target / entry.path
        if entry.kind is Kind.FOLDER:
            _make_folder(place, entry)
            continue
        if entry.kind is Kind.LINK:
            place.symlink_to(entry.link)
            give_path(place, owner)
            continue
        before = done

        def moved(count: int, path: str = entry.path) -> None:
            nonlocal done
            done += count
            report(f"copying {shown(path)}", done / total if total else None)

        copy_file(entry, target, owner, journal, moved, comparison.replaced.get(entry.path))
        done = before + entry.size
        files += 1
    _remove_parts(selection.copied, target)
    return Outcome(files, total, comparison.known + len(comparison.same))


def _make_folder(place: Path, entry: Entry) -> None:
    place.mkdir(exist_ok=True)
    place.chmod(entry.mode & PERMISSIONS | OWNER_ENTERS)


def _remove_parts(copied: Iterable[Entry], target: Path) -> None:
    """Of files that an earlier, killed run was writing and that are no longer wanted."""
    for folder in (target, *(target / entry.path for entry in copied if entry.kind is Kind.FOLDER)):
        for part in folder.glob(f"{PART_PREFIX}*{PART_SUFFIX}"):
            part.unlink(missing_ok=True)


def _require_unchanged(layout: Layout, selection: Selection, report: Progress) -> None:
    report("looking whether the old folder is as it was", None)
    changed = changed_between(selection.watched, select(take_inventory(layout, report)).watched)
    if changed:
        named = ", ".join(shown(path) for path in changed[:NAMES_IN_A_MESSAGE])
        more = f" and {len(changed) - NAMES_IN_A_MESSAGE} more" if len(changed) > NAMES_IN_A_MESSAGE else ""
        raise UserError(
            f"the old folder was changed while it was copied: {named}{more}. Stop the old server and run this again; "
            "only what changed is copied anew."
        )


def _give_what_was_there(selection: Selection, comparison: Comparison, target: Path, owner: Owner | None) -> None:
    """Files that this run did not write: an earlier one may have had another owner."""
    written = {entry.path for entry in comparison.missing}
    for entry in selection.copied if owner else ():
        if entry.kind is not Kind.FOLDER and entry.path not in written:
            give_path(target / entry.path, owner)


def _settle_folders(copied: Iterable[Entry], target: Path, owner: Owner | None) -> None:
    """Owners and times of folders, once nothing is written into them any more, the innermost first."""
    for entry in reversed([entry for entry in copied if entry.kind is Kind.FOLDER]):
        place = target / entry.path
        give_path(place, owner)
        os.utime(place, ns=(entry.folder_mtime_ns, entry.folder_mtime_ns))
        make_durable(place)
    make_durable(target)
