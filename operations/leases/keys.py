"""The names of everything this project keeps in Redis (database 0, beside the server's own `jellyfin:` keys)."""

import re

from ..errors import UserError

PREFIX = "jellyfin-ha"
# Of the whole key space below PREFIX: what is read and written by one version of this project.
SCHEMA_KEY = f"{PREFIX}:schema"
SCHEMA_VERSION = 1
ROLE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def lease_key(role: str) -> str:
    """Where a role's lease lies: JSON of owner, term and acquired_at_ms; the key lives as long as the lease."""
    return f"{PREFIX}:lease:{_checked(role)}"


def fence_key(role: str) -> str:
    """Where a role's terms are counted: the last term that was given, 0 before the first. Never expires."""
    return f"{PREFIX}:fence:{_checked(role)}"


def _checked(role: str) -> str:
    if not ROLE.fullmatch(role):
        raise UserError(
            f"{role!r} is no name of a role: expected 1 to 63 lower-case letters, digits and hyphens.",
            exit_code=2,
        )
    return role
