"""What could not arrive as it was: each such value or row is listed, and the verification holds the list to account."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..errors import UserError

# Kept in memory and written into the report; a file with more is damaged beyond single values.
MOST_REPAIRS = 10_000

KeyValue = str | int
Key = tuple[KeyValue, ...]
RepairedValue = str | bool | None


class Rule(StrEnum):
    """Why a value is another than in the source."""

    NUL = "nul"
    """A NUL character, which PostgreSQL cannot hold, is U+FFFD, the replacement character."""
    UTF8 = "utf-8"
    """Bytes that are no UTF-8 are U+FFFD, as .NET reads them."""
    BOOLEAN = "boolean"
    """A whole number other than 0 and 1 is true, as .NET reads it."""
    DIGITS = "digits"
    """A whole number where text belongs is its digits, as .NET reads it."""
    CUT = "cut"
    """Text longer than the target's column is cut; only when repairs were asked for."""
    CLEARED = "cleared"
    """A reference to a row that does not exist is NULL; only when repairs were asked for."""
    LEFT_OUT = "left out"
    """A row that must refer to one that does not exist is left out; only when repairs were asked for."""


@dataclass(frozen=True)
class Repair:
    """One value or row that is another in the target than in the source.

    Args:
        key: the row's primary key, GUIDs in lower case.
        column: None for a whole row.
        found: what the source has, in full.
        became: what the target has; None for NULL and for a row that was left out.
    """

    table: str
    key: Key
    column: str | None
    rule: Rule
    found: str
    became: RepairedValue


class Repairs:
    """All repairs of one migration."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Key, str | None], Repair] = {}

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Repair]:
        return iter(self._found.values())

    def add(self, repair: Repair) -> None:
        """Note one repair.

        Raises:
            UserError: exit code 1 when there are more than any list could be read for.
        """
        if len(self._found) >= MOST_REPAIRS:
            raise UserError(
                f"more than {MOST_REPAIRS} values of the source would have to be repaired; nothing was changed. "
                f"The latest is in table {repair.table}. Check the file with "
                '`sqlite3 jellyfin.db "PRAGMA integrity_check; PRAGMA foreign_key_check"` and mend a copy of it.'
            )
        self._found[repair.table, repair.key, repair.column] = repair

    def find(self, table: str, key: Key, column: str | None = None) -> Repair | None:
        """The repair of a value, or, without a column, of a whole row."""
        return self._found.get((table, key, column))
