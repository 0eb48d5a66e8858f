"""The sample's two users with everything that hangs on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ..mediaserver.schema.identifiers import item_id
from ..mediaserver.schema.kinds import (
    AUTHENTICATION_PROVIDER,
    PASSWORD_RESET_PROVIDER,
    ItemType,
    PermissionKind,
    PreferenceKind,
    permissions,
)
from .values import Row, Stored, Tables, guid, moment, password_hash, sample_guid, sample_token


@dataclass(frozen=True)
class SampleUser:
    """Who can log in; the password is for this sample only."""

    name: str
    password: str


ALICE = SampleUser("alice", "alice-sample")
BOB = SampleUser("bob", "bob-sample")
SAMPLE_USERS = (ALICE, BOB)

ALICE_ID = sample_guid("user alice")
BOB_ID = sample_guid("user bob")
MOVIES_VIEW = item_id(ItemType.COLLECTION_FOLDER, "/config/root/default/Movies")
SHOWS_VIEW = item_id(ItemType.COLLECTION_FOLDER, "/config/root/default/Shows")


def user_tables() -> Tables:
    """Rows of all tables about users, devices and their settings."""
    return {
        "Users": [_alice(), _bob()],
        "Permissions": [
            *permission_rows(1, ALICE_ID, administrator=True, upgraded=True),
            *permission_rows(2, BOB_ID),
        ],
        "Preferences": [
            *preference_rows(1, ALICE_ID, ordered_views=(MOVIES_VIEW, SHOWS_VIEW), upgraded=True),
            *preference_rows(2, BOB_ID),
        ],
        "AccessSchedules": [
            # 7 is "every day".
            {"Id": 1, "UserId": guid(BOB_ID), "DayOfWeek": 7, "StartHour": 0.0, "EndHour": 24.0}
        ],
        "ImageInfos": [
            {
                "Id": 1,
                "UserId": guid(ALICE_ID),
                "Path": "/config/config/users/alice/profile.png",
                "LastModified": moment(1.25),
            }
        ],
        "Devices": _devices(),
        "DeviceOptions": [{"Id": 1, "DeviceId": "sample-tv", "CustomName": "Living room"}],
        "ApiKeys": [
            {
                "Id": 1,
                "Name": "sample-dashboard",
                "AccessToken": sample_token("api key"),
                "DateCreated": moment(2),
                "DateLastActivity": moment(20.5, 7),
            }
        ],
        **_display_tables(),
    }


def user_row(number: int, identity: UUID, name: str, password: str | None, **others: Stored) -> Row:
    """A row of `Users`.

    Args:
        number: 1 for the first user, and so on.
        password: its hash, or None for a user who needs none.
        others: columns that differ from a new user's.
    """
    return {
        "Id": guid(identity),
        "InternalId": number,
        "Username": name,
        "NormalizedUsername": name.upper(),
        "Password": password,
        "AuthenticationProviderId": AUTHENTICATION_PROVIDER,
        "PasswordResetProviderId": PASSWORD_RESET_PROVIDER,
        "CastReceiverId": "F007D354",
        "AudioLanguagePreference": "eng",
        "SubtitleLanguagePreference": "",
        "SubtitleMode": 0,
        "SyncPlayAccess": 0,
        "DisplayCollectionsView": 0,
        "DisplayMissingEpisodes": 0,
        "EnableAutoLogin": 0,
        "EnableLocalPassword": 0,
        "EnableNextEpisodeAutoPlay": 1,
        "EnableUserPreferenceAccess": 1,
        "HidePlayedInLatest": 1,
        "InvalidLoginAttemptCount": 0,
        "LastActivityDate": moment(21.0 + number, 1234567),
        "LastLoginDate": moment(20.0 + number, 7654321),
        "LoginAttemptsBeforeLockout": None,
        "MaxActiveSessions": 0,
        "MaxParentalRatingScore": None,
        "MaxParentalRatingSubScore": None,
        "MustUpdatePassword": 0,
        "PlayDefaultAudioTrack": 1,
        "RememberAudioSelections": 1,
        "RememberSubtitleSelections": 1,
        "RemoteClientBitrateLimit": 0,
        "RowVersion": 10 * number,
        **others,
    }


def _alice() -> Row:
    return user_row(1, ALICE_ID, ALICE.name, password_hash(ALICE.password, ALICE.name), LoginAttemptsBeforeLockout=-1)


def _bob() -> Row:
    return user_row(
        2,
        BOB_ID,
        BOB.name,
        password_hash(BOB.password, BOB.name),
        AudioLanguagePreference="deu",
        SubtitleLanguagePreference="eng",
        LoginAttemptsBeforeLockout=5,
        MaxParentalRatingScore=18,
        MaxParentalRatingSubScore=0,
        RemoteClientBitrateLimit=20_000_000,
    )


def permission_rows(number: int, identity: UUID, *, administrator: bool = False, upgraded: bool = False) -> list[Row]:
    """All permissions of a user.

    Args:
        number: the user's, 1 for the first.
        upgraded: with the column that is left over from an old version of the schema; some rows of upgraded
            servers have it.
    """
    granted = permissions(administrator=administrator)
    granted[PermissionKind.IS_HIDDEN] = False
    user_id = guid(identity)
    offset = (number - 1) * len(granted)
    return [
        {
            "Id": offset + position,
            "UserId": user_id,
            "Kind": int(kind),
            "Value": int(value),
            "RowVersion": 0,
            "Permission_Permissions_Guid": user_id if upgraded else None,
        }
        for position, (kind, value) in enumerate(granted.items(), 1)
    ]


def preference_rows(
    number: int, identity: UUID, *, ordered_views: Sequence[UUID] = (), upgraded: bool = False
) -> list[Row]:
    """All preferences of a user; arguments as of `permission_rows`."""
    values = {PreferenceKind.ORDERED_VIEWS: "|".join(view.hex for view in ordered_views)}
    user_id = guid(identity)
    offset = (number - 1) * len(PreferenceKind)
    return [
        {
            "Id": offset + position,
            "UserId": user_id,
            "Kind": int(kind),
            "Value": values.get(kind, ""),
            "RowVersion": 0,
            "Preference_Preferences_Guid": user_id if upgraded else None,
        }
        for position, kind in enumerate(PreferenceKind, 1)
    ]


def _devices() -> list[Row]:
    known = (
        (1, ALICE_ID, "sample-tv", "Jellyfin Android TV", "0.19.4", "Television"),
        (2, ALICE_ID, "sample-browser", "Jellyfin Web", "10.11.11", "Firefox"),
        # A gap in the numbers: deleted log-ins leave them.
        (7, BOB_ID, "sample-phone", "Jellyfin Mobile", "2.6.3", "Bob’s phone"),
    )
    return [
        {
            "Id": number,
            "UserId": guid(user),
            "AccessToken": sample_token(device_id),
            "AppName": app,
            "AppVersion": version,
            "DeviceName": name,
            "DeviceId": device_id,
            "IsActive": 0,
            "DateCreated": moment(number),
            "DateModified": moment(number + 10, 42),
            "DateLastActivity": moment(number + 12, 9999999),
        }
        for number, user, device_id, app, version, name in known
    ]


def _display_tables() -> Tables:
    empty = "00000000-0000-0000-0000-000000000000"
    owners = ((1, ALICE_ID), (2, BOB_ID))
    return {
        "DisplayPreferences": [
            {
                "Id": number,
                "UserId": guid(user),
                "ItemId": empty,
                "Client": "emby",
                "ChromecastVersion": 0,
                "DashboardTheme": "dark",
                "EnableNextVideoInfoOverlay": 1,
                "IndexBy": 1 if number == 1 else None,
                "ScrollDirection": 0,
                "ShowBackdrop": 1,
                "ShowSidebar": 0,
                "SkipBackwardLength": 10_000,
                "SkipForwardLength": 30_000,
                "TvHome": "default",
            }
            for number, user in owners
        ],
        "HomeSection": [
            {"Id": 1, "DisplayPreferencesId": 1, "Order": 0, "Type": 1},
            {"Id": 2, "DisplayPreferencesId": 1, "Order": 1, "Type": 2},
        ],
        "ItemDisplayPreferences": [
            {
                "Id": number,
                "UserId": guid(user),
                "ItemId": guid(MOVIES_VIEW),
                "Client": "emby",
                "IndexBy": 0,
                "RememberIndexing": 0,
                "RememberSorting": 1,
                "SortBy": "SortName",
                "SortOrder": 0,
                "ViewType": 1,
            }
            for number, user in owners
        ],
        "CustomItemDisplayPreferences": [
            {
                "Id": number,
                "UserId": guid(user),
                "ItemId": empty,
                "Client": "emby",
                "Key": "homesection0",
                "Value": "resume",
            }
            for number, user in owners
        ],
    }
