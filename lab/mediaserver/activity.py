"""Rows of the activity log."""

from datetime import UTC, datetime
from uuid import UUID

from .database import Database

# .NET's LogLevel.Information.
_INFORMATION = 2


async def log_activity(database: Database, name: str, kind: str, user_id: UUID, overview: str = "") -> None:
    """Writes what an administrator finds under "activity".

    Args:
        name: one line for people.
        kind: Jellyfin's event name, e.g. `AuthenticationSucceeded`.
        user_id: who did it.
        overview: details, e.g. the address a log-in came from.
    """
    await database.execute(
        'INSERT INTO "ActivityLogs" '
        '("Name", "Overview", "ShortOverview", "Type", "UserId", "DateCreated", "LogSeverity", "RowVersion") '
        "VALUES (%s, NULL, %s, %s, %s, %s, %s, 0)",
        (name, overview or None, kind, user_id, datetime.now(UTC), _INFORMATION),
    )
