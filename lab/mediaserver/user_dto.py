"""Users as clients see them."""

from .schema.kinds import PermissionKind
from .users import User
from .wire import Json


def user_dto(user: User, server_id: str) -> dict[str, Json]:
    """Jellyfin's UserDto."""
    has_password = bool(user.password)
    return {
        "Name": user.name,
        "ServerId": server_id,
        "Id": user.id,
        "HasPassword": has_password,
        "HasConfiguredPassword": has_password,
        "HasConfiguredEasyPassword": False,
        "EnableAutoLogin": user.auto_login,
        "LastLoginDate": user.last_login,
        "LastActivityDate": user.last_activity,
        "Configuration": _configuration(user),
        "Policy": _policy(user),
    }


def _configuration(user: User) -> dict[str, Json]:
    return {
        "AudioLanguagePreference": user.audio_language,
        "PlayDefaultAudioTrack": user.play_default_audio,
        "SubtitleLanguagePreference": user.subtitle_language or "",
        "DisplayMissingEpisodes": user.display_missing,
        "GroupedFolders": [],
        "SubtitleMode": "Default",
        "DisplayCollectionsView": False,
        "EnableLocalPassword": False,
        "OrderedViews": [],
        "LatestItemsExcludes": [],
        "MyMediaExcludes": [],
        "HidePlayedInLatest": user.hide_played,
        "RememberAudioSelections": user.remember_audio,
        "RememberSubtitleSelections": user.remember_subtitles,
        "EnableNextEpisodeAutoPlay": user.auto_play_next,
    }


def _policy(user: User) -> dict[str, Json]:
    return {
        "IsAdministrator": user.may(PermissionKind.IS_ADMINISTRATOR),
        "IsHidden": user.may(PermissionKind.IS_HIDDEN),
        "IsDisabled": user.may(PermissionKind.IS_DISABLED),
        "EnableMediaPlayback": user.may(PermissionKind.ENABLE_MEDIA_PLAYBACK),
        "EnableAllFolders": user.may(PermissionKind.ENABLE_ALL_FOLDERS),
        "EnabledFolders": user.folders() or [],
        "EnableRemoteAccess": user.may(PermissionKind.ENABLE_REMOTE_ACCESS),
        "EnableAudioPlaybackTranscoding": user.may(PermissionKind.ENABLE_AUDIO_PLAYBACK_TRANSCODING),
        "EnableVideoPlaybackTranscoding": user.may(PermissionKind.ENABLE_VIDEO_PLAYBACK_TRANSCODING),
        "EnablePlaybackRemuxing": user.may(PermissionKind.ENABLE_PLAYBACK_REMUXING),
        "EnableContentDeletion": user.may(PermissionKind.ENABLE_CONTENT_DELETION),
        "EnableContentDownloading": user.may(PermissionKind.ENABLE_CONTENT_DOWNLOADING),
        "EnableAllDevices": user.may(PermissionKind.ENABLE_ALL_DEVICES),
        "EnableAllChannels": user.may(PermissionKind.ENABLE_ALL_CHANNELS),
        "MaxActiveSessions": user.max_sessions,
        "LoginAttemptsBeforeLockout": -1 if user.lockout_after is None else user.lockout_after,
        "InvalidLoginAttemptCount": user.invalid_logins,
        "AuthenticationProviderId": user.authentication_provider,
        "PasswordResetProviderId": user.password_reset_provider,
        "SyncPlayAccess": "CreateAndJoinGroups",
    }
