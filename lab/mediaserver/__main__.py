"""`python -m jellyfin_ha.lab.mediaserver`: one reference media server in the foreground."""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys

import psycopg
import uvicorn

from jellyfin_ha.operations.errors import UserError

from .app import make_app
from .config_xml import load_configuration
from .console_log import log_to_console
from .database_provider import ABORTED, check_provider
from .identity import server_id
from .server import MediaServer, Phase
from .settings import Settings, read_settings

_LOG = logging.getLogger("Jellyfin.Server.Program")

# How long open answers may take after an orderly stop began: .NET's default.
STOP_SECONDS = 30
# How long a process whose start-up failed stays, unhealthy, before it ends: Jellyfin's ten minutes.
FAILED_SECONDS = 600


class _WebServer(uvicorn.Server):
    """Lets the media server say good-bye before connections are closed."""

    def __init__(self, config: uvicorn.Config, server: MediaServer) -> None:
        super().__init__(config)
        self._server = server

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends sockets and encoders, then everything else."""
        await self._server.stop()
        await super().shutdown(sockets)


async def _serve(settings: Settings) -> int:
    check_provider(settings.config_dir, settings.data_dir / "plugins")
    try:
        configuration = load_configuration(settings.config_dir, settings.cache_dir)
    except ValueError as error:
        raise UserError(f"The XML files in {settings.config_dir} do not fit: {error}", exit_code=2) from error
    server = MediaServer(settings, configuration, server_id(settings.data_dir))
    try:
        await server.database.open()
    except psycopg.Error as error:
        _LOG.critical("The database does not answer: %s", error)
        return ABORTED
    web = _WebServer(
        uvicorn.Config(
            make_app(server),
            host=configuration.bind_address,
            port=configuration.http_port,
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        ),
        server,
    )
    starting = asyncio.create_task(_start(server, web))
    try:
        await web.serve()
    finally:
        starting.cancel()
        await server.stop()
        await server.database.close()
    return 0


async def _start(server: MediaServer, web: uvicorn.Server) -> None:
    await server.start()
    if server.phase is Phase.FAILED:
        await asyncio.sleep(FAILED_SECONDS)
        web.should_exit = True


def main() -> int:
    """Runs until SIGTERM or SIGINT.

    Returns:
        0 after an orderly stop, 2 for a wrong environment, 134 when the database does not answer at start.
    """
    log_to_console()
    # The web server handles these while it serves and repeats them afterwards, when they mean nothing more.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        settings = read_settings(os.environ)
        for program in (settings.ffmpeg, "setpriv"):
            if shutil.which(program) is None:
                raise UserError(f"{program!r} is needed and was not found on PATH.", exit_code=2)
        return asyncio.run(_serve(settings))
    except UserError as error:
        _LOG.critical("%s", error)
        return error.exit_code
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
