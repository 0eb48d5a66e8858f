"""Users, read from the database at each use (as Jellyfin does since 10.11.9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

from .database import Database, Value
from .schema.kinds import PermissionKind, PreferenceKind

_SELECT = """
SELECT u."Id" AS id, u."Username" AS name, u."Password" AS password,
    u."LastLoginDate" AS last_login, u."LastActivityDate" AS last_activity,
    u."AudioLanguagePreference" AS audio_language, u."SubtitleLanguagePreference" AS subtitle_language,
    u."EnableAutoLogin" AS auto_login, u."PlayDefaultAudioTrack" AS play_default_audio,
    u."DisplayMissingEpisodes" AS display_missing, u."HidePlayedInLatest" AS hide_played,
    u."RememberAudioSelections" AS remember_audio, u."RememberSubtitleSelections" AS remember_subtitles,
    u."EnableNextEpisodeAutoPlay" AS auto_play_next, u."MaxActiveSessions" AS max_sessions,
    u."LoginAttemptsBeforeLockout" AS lockout_after, u."InvalidLoginAttemptCount" AS invalid_logins,
    u."AuthenticationProviderId" AS authentication_provider,
    u."PasswordResetProviderId" AS password_reset_provider,
    ARRAY(SELECT p."Kind" FROM "Permissions" p WHERE p."UserId" = u."Id" AND p."Value") AS granted,
    coalesce((SELECT p."Value" FROM "Preferences" p WHERE p."UserId" = u."Id" AND p."Kind" = %s), '')
        AS enabled_folders
FROM "Users" u
"""


@dataclass(frozen=True)
class User:
    """One user, with what the server needs of permissions and preferences."""

    id: UUID
    name: str
    password: str | None
    last_login: datetime | None
    last_activity: datetime | None
    audio_language: str | None
    subtitle_language: str | None
    auto_login: bool
    play_default_audio: bool
    display_missing: bool
    hide_played: bool
    remember_audio: bool
    remember_subtitles: bool
    auto_play_next: bool
    max_sessions: int
    lockout_after: int | None
    invalid_logins: int
    authentication_provider: str
    password_reset_provider: str
    granted: Sequence[int]
    enabled_folders: str

    def may(self, permission: PermissionKind) -> bool:
        """Whether a permission is granted."""
        return permission in self.granted

    def folders(self) -> list[UUID] | None:
        """The libraries this user may see; None means all."""
        if self.may(PermissionKind.ENABLE_ALL_FOLDERS):
            return None
        return [UUID(text) for text in self.enabled_folders.split("|") if text]


class Users:
    """Reads users and writes what a log-in changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[User]:
        """Every user, by name."""
        return await self._select(_SELECT + ' ORDER BY u."Username"')

    async def by_id(self, user_id: UUID) -> User | None:
        """The user of that id."""
        users = await self._select(_SELECT + ' WHERE u."Id" = %s', user_id)
        return users[0] if users else None

    async def by_name(self, name: str) -> User | None:
        """The user of that name, in any case."""
        users = await self._select(_SELECT + ' WHERE u."NormalizedUsername" = %s', name.upper())
        return users[0] if users else None

    async def logged_in(self, user: User) -> None:
        """Notes a log-in."""
        now = datetime.now(UTC)
        await self._database.execute(
            'UPDATE "Users" SET "LastLoginDate" = %s, "LastActivityDate" = %s, "InvalidLoginAttemptCount" = 0, '
            '"RowVersion" = "RowVersion" + 1 WHERE "Id" = %s',
            (now, now, user.id),
        )

    async def refused(self, user: User) -> bool:
        """Counts a wrong password; returns whether the user was disabled for it."""
        await self._database.execute(
            'UPDATE "Users" SET "InvalidLoginAttemptCount" = "InvalidLoginAttemptCount" + 1, '
            '"RowVersion" = "RowVersion" + 1 WHERE "Id" = %s',
            (user.id,),
        )
        limit = user.lockout_after
        if limit is None or limit <= 0 or user.invalid_logins + 1 < limit:
            return False
        await self._database.execute(
            'UPDATE "Permissions" SET "Value" = TRUE WHERE "UserId" = %s AND "Kind" = %s',
            (user.id, int(PermissionKind.IS_DISABLED)),
        )
        return True

    async def _select(self, statement: LiteralString, *values: Value) -> list[User]:
        return await self._database.fetch(User, statement, (int(PreferenceKind.ENABLED_FOLDERS), *values))
