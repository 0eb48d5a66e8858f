"""Tables that only the target has and that refer to tables which are filled: they have to be empty for that."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from .session import Connection
from .target import ForeignKey, count_rows


@dataclass(frozen=True)
class Referring:
    """One such table, a plugin's or a fork's.

    Args:
        rows: how many rows it has, and loses.
        to: the tables that it refers to.
    """

    rows: int
    to: tuple[str, ...]

    @property
    def fate(self) -> str:
        """What becomes of it, in words."""
        to = " and ".join(self.to)
        return f"emptied of {self.rows} rows, since it refers to {to}" if self.rows else f"empty, and refers to {to}"


def read_referring(
    connection: Connection, keys: Iterable[ForeignKey], filled: Collection[str]
) -> Mapping[str, Referring]:
    """These tables, by name.

    Args:
        connection: to the target.
        keys: its foreign keys.
        filled: the source's tables.
    """
    found: dict[str, set[str]] = {}
    for key in keys:
        if key.ref_table in filled and key.table not in filled:
            found.setdefault(key.table, set()).add(key.ref_table)
    return {name: Referring(count_rows(connection, name), tuple(sorted(to))) for name, to in sorted(found.items())}


def also_emptied(tables: Mapping[str, Referring]) -> str:
    """What to add to the advice to replace a library; empty when nobody loses a row by that."""
    lost = [f"{name} ({one.rows} rows, refers to {' and '.join(one.to)})" for name, one in tables.items() if one.rows]
    return f" --replace would also empty {', '.join(lost)}." if lost else ""
