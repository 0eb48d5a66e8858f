"""Whom the new folder belongs to."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError

FORM = re.compile(r"(\d{1,10}):(\d{1,10})")
HIGHEST_ID = 2**32 - 2


@dataclass(frozen=True, slots=True)
class Owner:
    """A user and a group, by number."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


def parse_owner(text: str) -> Owner:
    """`UID:GID` as an owner.

    Raises:
        UserError: exit code 2: it has another form.
    """
    found = FORM.fullmatch(text)
    numbers = [int(number) for number in found.groups()] if found else []
    if not numbers or max(numbers) > HIGHEST_ID:
        raise UserError(f"expected --owner UID:GID in numbers, such as 1000:1000, or keep; found {text!r}", exit_code=2)
    return Owner(*numbers)


def give(file: int, owner: Owner | None) -> None:
    """Give an open file to an owner; with None it stays as it is.

    Raises:
        UserError: this user may not, or the file system does not.
    """
    if owner is None:
        return
    try:
        os.fchown(file, owner.uid, owner.gid)
    except PermissionError as error:
        raise UserError(cannot_give(owner)) from error


def give_path(path: Path, owner: Owner | None) -> None:
    """As `give`, for a folder or for a link itself."""
    if owner is None:
        return
    try:
        os.lchown(path, owner.uid, owner.gid)
    except PermissionError as error:
        raise UserError(cannot_give(owner)) from error


def cannot_give(owner: Owner) -> str:
    """Why files do not come to belong to an owner, and what to do."""
    return (
        f"files of the new folder cannot be given to {owner}: this user may not, or a network file system maps it to "
        "nobody. Run it as root where the folder is exported, or leave the owner with --owner keep and see to it "
        f"that {owner} can read and write them."
    )
