"""What a server does to a new, empty database: the schema, and the first rows.

There is no lock of its own, as in Jellyfin: of two servers that start on one empty database, one fails.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from . import JELLYFIN_VERSION
from .activity import log_activity
from .database import Database, Value
from .schema import PLACEHOLDER_ID, PLACEHOLDER_NAME, PLACEHOLDER_TYPE, load_model
from .schema.ddl import postgres_ddl
from .schema.identifiers import item_id
from .schema.kinds import (
    AUTHENTICATION_PROVIDER,
    PASSWORD_RESET_PROVIDER,
    ItemType,
    PreferenceKind,
    permissions,
)

# Entity Framework of Jellyfin 10.11.11, as it records itself.
EF_VERSION = "9.0.11"
INITIAL_USER = "MyJellyfinUser"


@dataclass(frozen=True)
class _Presence:
    present: bool


async def prepare_database(database: Database, data_dir: Path) -> bool:
    """Fills a new database; leaves one that has a migration history as it is.

    Args:
        database: where.
        data_dir: the server's data folder, below which the root folders lie.

    Returns:
        Whether the database was new.
    """
    history = """SELECT to_regclass('public."__EFMigrationsHistory"') IS NOT NULL AS present"""
    if (await database.fetch(_Presence, history))[0].present:
        return False
    async with database.transaction() as connection:
        await _create_schema(connection)
    async with database.transaction() as connection:
        await _create_root_folders(connection, data_dir)
        user = await _create_user(connection)
    await log_activity(database, f"User {INITIAL_USER} has been created", "UserCreated", user)
    return True


async def _create_schema(connection: psycopg.AsyncConnection) -> None:
    model = load_model()
    for statement in postgres_ddl(model):
        await connection.execute(statement.encode())
    history = [(name, EF_VERSION) for name in model.postgres_migrations]
    history += [(name, f"{JELLYFIN_VERSION}.0") for name in model.code_migrations]
    for name, version in history:
        await insert(connection, "__EFMigrationsHistory", {"MigrationId": name, "ProductVersion": version})
    await insert(
        connection,
        "BaseItems",
        _item(PLACEHOLDER_ID, PLACEHOLDER_TYPE, PLACEHOLDER_NAME) | {"IsFolder": False},
    )


async def _create_root_folders(connection: psycopg.AsyncConnection, data_dir: Path) -> None:
    now = datetime.now(UTC)
    root = data_dir / "root"
    parent: UUID | None = None
    for kind, path, name in (
        (ItemType.AGGREGATE_FOLDER, root, "root"),
        (ItemType.USER_ROOT_FOLDER, root / "default", "Media Folders"),
    ):
        identity = item_id(kind, str(path), str(data_dir))
        row = _item(identity, kind, name) | {
            "Path": str(path),
            "ParentId": parent,
            "SortName": name.lower(),
            "CleanName": name.lower(),
            "DateCreated": now,
            "DateModified": now,
            "DateLastSaved": now,
            "PresentationUniqueKey": identity.hex,
        }
        await insert(connection, "BaseItems", row)
        parent = identity


async def _create_user(connection: psycopg.AsyncConnection) -> UUID:
    user = uuid4()
    await insert(
        connection,
        "Users",
        {
            "Id": user,
            "Username": INITIAL_USER,
            "NormalizedUsername": INITIAL_USER.upper(),
            "AuthenticationProviderId": AUTHENTICATION_PROVIDER,
            "PasswordResetProviderId": PASSWORD_RESET_PROVIDER,
            "InternalId": 1,
            "DisplayCollectionsView": False,
            "DisplayMissingEpisodes": False,
            "EnableAutoLogin": False,
            "EnableLocalPassword": False,
            "EnableNextEpisodeAutoPlay": True,
            "EnableUserPreferenceAccess": True,
            "HidePlayedInLatest": True,
            "InvalidLoginAttemptCount": 0,
            "MaxActiveSessions": 0,
            "MustUpdatePassword": False,
            "PlayDefaultAudioTrack": True,
            "RememberAudioSelections": True,
            "RememberSubtitleSelections": True,
            "RowVersion": 0,
            "SubtitleMode": 0,
            "SyncPlayAccess": 0,
        },
    )
    for kind, value in permissions(administrator=True).items():
        row: dict[str, Value] = {"UserId": user, "Kind": int(kind), "Value": value, "RowVersion": 0}
        await insert(connection, "Permissions", row)
    for preference in PreferenceKind:
        row = {"UserId": user, "Kind": int(preference), "Value": "", "RowVersion": 0}
        await insert(connection, "Preferences", row)
    return user


def _item(identity: UUID, kind: str, name: str) -> dict[str, Value]:
    return {
        "Id": identity,
        "Type": kind,
        "Name": name,
        "IsFolder": True,
        "IsInMixedFolder": False,
        "IsLocked": False,
        "IsMovie": False,
        "IsRepeat": False,
        "IsSeries": False,
        "IsVirtualItem": False,
    }


async def insert(connection: psycopg.AsyncConnection, table: str, row: dict[str, Value]) -> None:
    """Inserts one row given by column names."""
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.Identifier(name) for name in row),
        sql.SQL(", ").join(sql.Placeholder() for _ in row),
    )
    await connection.execute(statement, list(row.values()))
