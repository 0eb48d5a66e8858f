"""Everything one process holds, and its life: setup, service, end."""

import asyncio
import logging
from collections.abc import Coroutine
from enum import Enum

from . import JELLYFIN_VERSION
from .config_xml import Configuration
from .database import Database
from .items import Items
from .later_version import migrate
from .new_database import prepare_database
from .playback import Playback
from .sessions import Sessions
from .settings import Settings
from .sockets import Sockets
from .tokens import Tokens
from .transcode import TranscodeManager
from .user_data import UserDataStore
from .user_data_rules import ResumeRules
from .users import Users

_LOG = logging.getLogger("Jellyfin.Server.Startup")


class Phase(Enum):
    """How far the process is."""

    SETUP = "Degraded"
    READY = "Healthy"
    FAILED = "Unhealthy"


class MediaServer:
    """One process's state."""

    def __init__(self, settings: Settings, configuration: Configuration, server_id: str) -> None:
        self.settings = settings
        self.configuration = configuration
        self.id = server_id
        self.phase = Phase.SETUP
        self.database = Database(settings.database, f"jellyfin {settings.instance_id}")
        self.tokens = Tokens(self.database, settings.reference.tokens)
        self.users = Users(self.database)
        self.items = Items(self.database)
        self.user_data = UserDataStore(self.database, configuration.cache_size)
        self.sessions = Sessions(server_id)
        self.sockets = Sockets(self.sessions)
        self._transcodes: TranscodeManager | None = None
        self.playback = Playback(
            self.sessions,
            self.items,
            self.user_data,
            ResumeRules(
                configuration.min_resume_percent,
                configuration.max_resume_percent,
                configuration.min_resume_seconds,
            ),
            self.transcodes,
            settings.reference.idle_seconds,
        )
        self._tasks: list[asyncio.Task[None]] = []

    def transcodes(self) -> TranscodeManager:
        """The encoders; the first call makes them, which wipes their folder."""
        if self._transcodes is None:
            self._transcodes = TranscodeManager(
                self.settings.ffmpeg,
                self.configuration.transcode_dir,
                self.settings.log_dir,
                self.settings.reference.transcode_idle_seconds,
            )
            self._run(self._transcodes.watch())
        return self._transcodes

    async def start(self) -> None:
        """Goes through the setup phase; a failure leaves the process up and unhealthy."""
        try:
            was_new = await prepare_database(self.database, self.settings.data_dir)
            _LOG.info("The database is %s", "new and was filled" if was_new else "in use already")
            reference = self.settings.reference
            if reference.migration is not None:
                await migrate(self.database, reference.migration, fails=reference.migration_fails)
            await asyncio.sleep(reference.start_seconds)
            count = await self.tokens.load()
        except Exception:
            _LOG.exception("Start-up failed")
            self.phase = Phase.FAILED
            return
        self._run(self.playback.advance())
        self._run(self.playback.stop_silent())
        self._run(self.sockets.watch())
        self.phase = Phase.READY
        _LOG.info("Jellyfin reference server %s is ready, it knows %d tokens", JELLYFIN_VERSION, count)

    async def stop(self) -> None:
        """Says good-bye to clients and ends every encoder."""
        await self.sockets.shut_down()
        for task in self._tasks:
            task.cancel()
        if self._transcodes is not None:
            await self._transcodes.close()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(work))
