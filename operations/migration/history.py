"""Which of Jellyfin's own data migrations each side says are done.

A new server writes the ids of all code migrations of its version as done. Data copied into its database must
really be at that level, or the server will take old data for new.
"""

import csv
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ..errors import UserError

# The server records its own four-part version with a code migration, Entity Framework its three-part one with
# a schema migration: so code migrations of versions that the list does not know are still recognised.
SERVER_VERSION = re.compile(r"\d+\.\d+\.\d+\.\d+")


@cache
def code_migrations_by_version() -> Mapping[str, frozenset[str]]:
    """Ids of the code migrations of each known server version, oldest version first."""
    text = Path(__file__).with_name("code_migrations.csv").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        found.setdefault(row["version"], set()).add(row["migration_id"])
    return {version: frozenset(found[version]) for version in sorted(found, key=_version_key)}


def code_migrations(history: Mapping[str, str]) -> frozenset[str]:
    """Those ids of a migration history (with the version that applied each) that are code migrations."""
    known = frozenset[str]().union(*code_migrations_by_version().values())
    return frozenset(
        identifier
        for identifier, version in history.items()
        if identifier in known or SERVER_VERSION.fullmatch(version)
    )


def server_version(history: Mapping[str, str]) -> str | None:
    """The newest known version all of whose code migrations are done, or None when there is none."""
    done = code_migrations(history)
    complete = [version for version, ids in code_migrations_by_version().items() if ids <= done]
    return complete[-1] if complete else None


def require_level(source: Mapping[str, str], target: Mapping[str, str]) -> None:
    """Refuse a source whose data is older than what the target's history claims.

    Args:
        source: the source's migration history, version by id.
        target: the target's.

    Raises:
        UserError: exit code 1; names the version to upgrade the source to.
    """
    wanted = code_migrations(target)
    if not wanted:
        raise UserError(
            "the target's migration history names none of Jellyfin's own migrations: its server never finished "
            "its first start. Start the server image on it once, wait until it is healthy, stop it, try again."
        )
    missing = sorted(wanted - code_migrations(source))
    if not missing:
        return
    known = list(code_migrations_by_version())
    here, there = server_version(source), server_version(target)
    if here and there and known.index(here) > known.index(there):
        raise UserError(
            f"the source is newer ({here}) than the target ({there}), whose server could not read it. Make the "
            f"target with a server image of version {here}."
        )
    raise UserError(
        f"the source is older than the target: {len(missing)} of Jellyfin's migrations that the target's server "
        f"takes for done never ran on it ({_some(missing)}). Upgrade the source server to "
        f"{there or 'the version of the target'} first: start that version on it, wait until it is healthy, stop "
        "it, then migrate."
    )


def _some(names: list[str], limit: int = 5) -> str:
    return ", ".join(names[:limit]) + (", …" if len(names) > limit else "")


def _version_key(version: str) -> tuple[tuple[int, ...], bool, int]:
    """10.11.7 < 10.11.11 < 12.0-rc5 < 12.0."""
    numbers, _, candidate = version.partition("-rc")
    return tuple(int(part) for part in numbers.split(".")), not candidate, int(candidate or 0)
