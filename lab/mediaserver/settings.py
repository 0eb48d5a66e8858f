"""What the environment says: the names are those of Jellyfin's image and of its PostgreSQL plugin."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jellyfin_ha.operations.errors import UserError

TokenMode = Literal["snapshot", "db"]

# Durations of a real server: the setup phase by order of magnitude, the others by its code.
START_SECONDS = 10.0
IDLE_SECONDS = 300.0
TRANSCODE_IDLE_SECONDS = 60.0


@dataclass(frozen=True)
class DatabaseAddress:
    """Where PostgreSQL is and who we are there."""

    host: str
    port: int
    name: str
    user: str
    password: str


@dataclass(frozen=True)
class Reference:
    """Switches that only this stand-in has.

    Args:
        tokens: `snapshot` as Jellyfin does it (read once at start); `db` (one look-up a request) only to show
            the difference.
        start_seconds: how long the process stays in its setup phase (`/health` says `Degraded`).
        idle_seconds: silence after which a playback is taken for abandoned and its guessed position is saved.
        transcode_idle_seconds: silence after which ffmpeg is ended.
        migration: the id of a migration that a later version brings; None for this version.
        migration_fails: whether it fails half-way.
    """

    tokens: TokenMode = "snapshot"
    start_seconds: float = START_SECONDS
    idle_seconds: float = IDLE_SECONDS
    transcode_idle_seconds: float = TRANSCODE_IDLE_SECONDS
    migration: str | None = None
    migration_fails: bool = False


@dataclass(frozen=True)
class Settings:
    """Everything the process reads from its environment, once."""

    database: DatabaseAddress
    data_dir: Path
    config_dir: Path
    cache_dir: Path
    log_dir: Path
    ffmpeg: str
    instance_id: str
    published_url: str | None
    reference: Reference


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads the environment.

    Raises:
        UserError: one or more variables are missing or ill-formed; the message names them all.
    """
    reader = _Reader(environment)
    data_dir = Path(reader.text("JELLYFIN_DATA_DIR", "/config"))
    settings = Settings(
        database=DatabaseAddress(
            host=reader.text("POSTGRES_HOST", "jellyfin"),
            port=int(reader.number("POSTGRES_PORT", 5432)),
            name=reader.text("POSTGRES_DB", "jellyfin"),
            user=reader.text("POSTGRES_USER", "jellyfin"),
            password=reader.required("POSTGRES_PASSWORD"),
        ),
        data_dir=data_dir,
        config_dir=Path(reader.text("JELLYFIN_CONFIG_DIR", str(data_dir / "config"))),
        cache_dir=Path(reader.text("JELLYFIN_CACHE_DIR", "/cache")),
        log_dir=Path(reader.text("JELLYFIN_LOG_DIR", str(data_dir / "log"))),
        ffmpeg=reader.text("JELLYFIN_FFMPEG", "ffmpeg"),
        instance_id=reader.text("JELLYFIN_INSTANCE_ID", os.uname().nodename),
        published_url=environment.get("JELLYFIN_PublishedServerUrl") or None,
        reference=Reference(
            tokens=reader.token_mode("JELLYFIN_HA_REFERENCE_TOKENS"),
            start_seconds=reader.number("JELLYFIN_HA_REFERENCE_START_SECONDS", START_SECONDS),
            idle_seconds=reader.number("JELLYFIN_HA_REFERENCE_IDLE_SECONDS", IDLE_SECONDS),
            transcode_idle_seconds=reader.number(
                "JELLYFIN_HA_REFERENCE_TRANSCODE_IDLE_SECONDS", TRANSCODE_IDLE_SECONDS
            ),
            migration=environment.get("JELLYFIN_HA_REFERENCE_MIGRATION") or None,
            migration_fails=bool(environment.get("JELLYFIN_HA_REFERENCE_MIGRATION_FAILS")),
        ),
    )
    if reader.errors:
        raise UserError("The environment does not fit:\n  " + "\n  ".join(reader.errors), exit_code=2)
    return settings


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.errors: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name) or default

    def required(self, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            self.errors.append(f"{name}: a value is needed, none was given")
        return value or ""

    def number(self, name: str, default: float) -> float:
        text = self._environment.get(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if value < 0:
            self.errors.append(f"{name}: a number not below 0 is expected, found {text!r}")
        return value

    def token_mode(self, name: str) -> TokenMode:
        value = self.text(name, "snapshot")
        if value == "db":
            return "db"
        if value != "snapshot":
            self.errors.append(f"{name}: 'snapshot' or 'db' is expected, found {value!r}")
        return "snapshot"
