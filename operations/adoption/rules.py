"""What of a server's folder moves and what stays, and why: the one table that docs/adoption.md repeats."""

import fnmatch
import re
from dataclasses import dataclass

# Beside the adopted files: what was written, so that a later run knows its own. No name here starts with
# `.jellyfin-`: a server takes such a file for another server's marker and does not start.
JOURNAL = "jellyfin-ha-adoption.jsonl"
PART_PREFIX = "jellyfin-ha-adopt-"
PART_SUFFIX = ".part"
# Where a new server's own files go that stood in the way; the server's id follows.
SET_ASIDE_PREFIX = "before-adoption-"
# Where good copies of a new server's settings are, which would otherwise come back in the place of adopted ones.
KEPT = "jellyfin-ha"

_OLD_DATABASE = "a database of versions before 10.11; its content is in jellyfin.db since"
_TEMPORARY = "made again when needed; each new server has its own"


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to the files whose path matches.

    Args:
        pattern: a path in the official image's layout; `*` stands for any characters, `/` too.
        copied: whether they are copied, or left out.
        reason: what they are, or why they stay.
    """

    pattern: str
    copied: bool
    reason: str

    @property
    def folder(self) -> str | None:
        """The folder that the rule is about, or None when it is about single files."""
        folder = self.pattern.removesuffix("/*")
        return folder if folder != self.pattern and "*" not in folder else None


def _copied(pattern: str, reason: str) -> Rule:
    return Rule(pattern, True, reason)


def _left_out(pattern: str, reason: str) -> Rule:
    return Rule(pattern, False, reason)


# The first that matches decides.
RULES: tuple[Rule, ...] = (
    _left_out("cache/*", _TEMPORARY),
    _left_out("config/cache/*", _TEMPORARY),
    _left_out("transcodes/*", _TEMPORARY),
    _left_out("transcoding-temp/*", _TEMPORARY),
    _left_out("data/transcodes/*", _TEMPORARY),
    _left_out("log/*", "the old server's logs"),
    _left_out("config/log/*", "the old server's logs"),
    _left_out("config/database.xml", "names the old server's SQLite; the new servers have one that names PostgreSQL"),
    _left_out("data/jellyfin.db*", "the database: the migration moves its rows to PostgreSQL"),
    _left_out("data/library.db*", _OLD_DATABASE),
    _left_out("data/authentication.db*", _OLD_DATABASE),
    _left_out("data/activitylog.db*", _OLD_DATABASE),
    _left_out("data/displaypreferences.db*", _OLD_DATABASE),
    _left_out("data/users.db*", _OLD_DATABASE),
    _left_out("data/userdata_v2.db*", _OLD_DATABASE),
    _left_out("data/SQLiteBackups/*", "copies of the SQLite database, which PostgreSQL cannot restore"),
    _left_out("data/backups/*", "backups of the old server, which only a SQLite server restores: keep them"),
    _left_out(".jellyfin-*", "a server's marker: each makes its own and does not start on one in the wrong place"),
    _left_out("*/.jellyfin-*", "a server's marker, as above"),
    _left_out("lost+found/*", "belongs to the file system"),
    _left_out(JOURNAL, "the record of an adoption"),
    _left_out(f"{SET_ASIDE_PREFIX}*/*", "what an adoption set aside"),
    _left_out(f"{KEPT}/*", "good copies of a server's settings, of whatever server ran there"),
    _left_out(f"*{PART_PREFIX}*{PART_SUFFIX}", "a file that an adoption was writing"),
    _copied("data/device.txt", "the server's id: with another one clients refuse to log in"),
    _copied("config/users/*", "users' pictures"),
    _copied("config/ScheduledTasks/*", "when scheduled tasks run"),
    _copied("config/dlna/*", "DLNA profiles"),
    _copied("config/*.xml", "settings: system, network, encoding, branding, livetv, migrations, ..."),
    _copied("config/*.json", "settings of logging"),
    _copied("root/*", "the libraries: their folders, options.xml and *.mblink"),
    _copied("metadata/*", "images and metadata of items and people"),
    _copied("plugins/*", "plugins and their settings"),
    _copied("data/metadata/*", "images and metadata, where older versions kept them"),
    _copied("data/playlists/*", "playlists"),
    _copied("data/collections/*", "collections"),
    _copied("data/subtitles/*", "subtitles taken out of media"),
    _copied("data/attachments/*", "fonts taken out of media"),
    _copied("data/trickplay/*", "preview images of the seek bar"),
    _copied("data/keyframes/*", "keyframes found in media"),
    _copied("data/livetv/*", "timers of recordings"),
    _copied("data/ScheduledTasks/*", "when scheduled tasks last ran"),
    _copied("data/splashscreen*", "the log-in page's picture"),
    _copied("data/introskipper/*", "what the plugin Intro Skipper found"),
    _copied("data/*.db", "databases of plugins; see below"),
    _copied("data/*.db-wal", "databases of plugins; see below"),
    _copied("data/*.db-shm", "databases of plugins; see below"),
    # Last: in a folder that moves as a whole, these are somebody's own files.
    _left_out("*.lock", "a lock of a running process"),
    _left_out("*.pid", "a lock of a running process"),
)

_ANY = re.compile("|".join(f"(?P<rule{index}>{fnmatch.translate(rule.pattern)})" for index, rule in enumerate(RULES)))


def rule_of(path: str) -> Rule | None:
    """The rule for a file, or None when none names it: then it is copied and reported.

    Args:
        path: in the official image's layout, with `/`; a folder's path ends with `/`.
    """
    found = _ANY.match(path)
    return RULES[int((found.lastgroup or "").removeprefix("rule"))] if found else None
