"""How values are stored in Jellyfin's SQLite file."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from ..mediaserver.schema.identifiers import md5_guid

Stored: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Mapping[str, Stored]
Tables: TypeAlias = dict[str, list[Row]]

# The day the sample server was set up; everything else happened after it.
EPOCH = datetime(2026, 3, 1, 18, 0, 0)
# .NET's smallest date, which Jellyfin stores where it knows none.
NO_DATE = "0001-01-01 00:00:00"


def guid(value: UUID) -> str:
    """A GUID: upper case with dashes."""
    return str(value).upper()


def sample_guid(label: str) -> UUID:
    """A fixed GUID for a thing of the sample."""
    return md5_guid(f"jellyfin-ha sample {label}")


def sample_token(label: str) -> str:
    """A fixed token of 32 hex digits; published here, so it protects nothing."""
    return sample_guid(f"token {label}").hex


def moment(days: float = 0.0, ticks: int = 0) -> str:
    """A date some days after the sample server's first, without trailing zeros in its fraction.

    Args:
        ticks: added parts of 100 ns, which .NET dates have and PostgreSQL's have not.
    """
    at = EPOCH + timedelta(days=days)
    text = at.strftime("%Y-%m-%d %H:%M:%S")
    fraction = f"{at.microsecond * 10 + ticks:07d}".rstrip("0")
    return f"{text}.{fraction}" if fraction else text


def password_hash(password: str, salt_label: str, iterations: int = 210_000) -> str:
    """A password as Jellyfin stores it: PBKDF2-HMAC-SHA512, 64 bytes, upper-case hex."""
    salt = hashlib.sha256(salt_label.encode()).digest()[:16]
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, 64)
    return f"$PBKDF2-SHA512$iterations={iterations}${salt.hex().upper()}${digest.hex().upper()}"
