"""Numbers that Jellyfin stores for its enumerations, and the type names of its items."""

from enum import IntEnum, StrEnum


class PermissionKind(IntEnum):
    """`Permissions.Kind`."""

    IS_ADMINISTRATOR = 0
    IS_HIDDEN = 1
    IS_DISABLED = 2
    ENABLE_SHARED_DEVICE_CONTROL = 3
    ENABLE_REMOTE_ACCESS = 4
    ENABLE_LIVE_TV_MANAGEMENT = 5
    ENABLE_LIVE_TV_ACCESS = 6
    ENABLE_MEDIA_PLAYBACK = 7
    ENABLE_AUDIO_PLAYBACK_TRANSCODING = 8
    ENABLE_VIDEO_PLAYBACK_TRANSCODING = 9
    ENABLE_CONTENT_DELETION = 10
    ENABLE_CONTENT_DOWNLOADING = 11
    ENABLE_SYNC_TRANSCODING = 12
    ENABLE_MEDIA_CONVERSION = 13
    ENABLE_ALL_DEVICES = 14
    ENABLE_ALL_CHANNELS = 15
    ENABLE_ALL_FOLDERS = 16
    ENABLE_PUBLIC_SHARING = 17
    ENABLE_REMOTE_CONTROL_OF_OTHER_USERS = 18
    ENABLE_PLAYBACK_REMUXING = 19
    FORCE_REMOTE_SOURCE_TRANSCODING = 20
    ENABLE_COLLECTION_MANAGEMENT = 21
    ENABLE_SUBTITLE_MANAGEMENT = 22
    ENABLE_LYRIC_MANAGEMENT = 23


# What a new user may not do; everything else is granted (administrators are made by granting more).
DENIED_TO_NEW_USERS = frozenset(
    {
        PermissionKind.IS_ADMINISTRATOR,
        PermissionKind.IS_DISABLED,
        PermissionKind.ENABLE_CONTENT_DELETION,
        PermissionKind.ENABLE_REMOTE_CONTROL_OF_OTHER_USERS,
        PermissionKind.FORCE_REMOTE_SOURCE_TRANSCODING,
        PermissionKind.ENABLE_COLLECTION_MANAGEMENT,
        PermissionKind.ENABLE_SUBTITLE_MANAGEMENT,
        PermissionKind.ENABLE_LYRIC_MANAGEMENT,
    }
)

# What an administrator is granted on top.
GRANTED_TO_ADMINISTRATORS = frozenset(
    {
        PermissionKind.IS_ADMINISTRATOR,
        PermissionKind.ENABLE_CONTENT_DELETION,
        PermissionKind.ENABLE_REMOTE_CONTROL_OF_OTHER_USERS,
    }
)


def permissions(*, administrator: bool) -> dict[PermissionKind, bool]:
    """All permissions of a new user."""
    granted = set(PermissionKind) - DENIED_TO_NEW_USERS
    if administrator:
        granted |= GRANTED_TO_ADMINISTRATORS
    return {kind: kind in granted for kind in PermissionKind}


class PreferenceKind(IntEnum):
    """`Preferences.Kind`; the value is a text, lists joined by `|`."""

    BLOCKED_TAGS = 0
    BLOCKED_CHANNELS = 1
    BLOCKED_MEDIA_FOLDERS = 2
    ENABLED_DEVICES = 3
    ENABLED_CHANNELS = 4
    ENABLED_FOLDERS = 5
    ENABLE_CONTENT_DELETION_FROM_FOLDERS = 6
    LATEST_ITEM_EXCLUDES = 7
    MY_MEDIA_EXCLUDES = 8
    GROUPED_FOLDERS = 9
    BLOCK_UNRATED_ITEMS = 10
    ORDERED_VIEWS = 11
    ALLOWED_TAGS = 12


class StreamType(IntEnum):
    """`MediaStreamInfos.StreamType`."""

    AUDIO = 0
    VIDEO = 1
    SUBTITLE = 2


class ItemType(StrEnum):
    """`BaseItems.Type`: the CLR type's full name."""

    AGGREGATE_FOLDER = "MediaBrowser.Controller.Entities.AggregateFolder"
    USER_ROOT_FOLDER = "MediaBrowser.Controller.Entities.UserRootFolder"
    COLLECTION_FOLDER = "MediaBrowser.Controller.Entities.CollectionFolder"
    FOLDER = "MediaBrowser.Controller.Entities.Folder"
    MOVIE = "MediaBrowser.Controller.Entities.Movies.Movie"
    BOX_SET = "MediaBrowser.Controller.Entities.Movies.BoxSet"
    TRAILER = "MediaBrowser.Controller.Entities.Trailer"
    SERIES = "MediaBrowser.Controller.Entities.TV.Series"
    SEASON = "MediaBrowser.Controller.Entities.TV.Season"
    EPISODE = "MediaBrowser.Controller.Entities.TV.Episode"
    AUDIO = "MediaBrowser.Controller.Entities.Audio.Audio"
    MUSIC_ALBUM = "MediaBrowser.Controller.Entities.Audio.MusicAlbum"
    MUSIC_ARTIST = "MediaBrowser.Controller.Entities.Audio.MusicArtist"
    MUSIC_GENRE = "MediaBrowser.Controller.Entities.Audio.MusicGenre"
    GENRE = "MediaBrowser.Controller.Entities.Genre"
    STUDIO = "MediaBrowser.Controller.Entities.Studio"
    PERSON = "MediaBrowser.Controller.Entities.Person"
    CHANNEL = "MediaBrowser.Controller.LiveTv.LiveTvChannel"
    PROGRAM = "MediaBrowser.Controller.LiveTv.LiveTvProgram"


# The providers a user record names; Jellyfin's own, the only ones in a stock server.
AUTHENTICATION_PROVIDER = "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"
PASSWORD_RESET_PROVIDER = "Jellyfin.Server.Implementations.Users.DefaultPasswordResetProvider"
