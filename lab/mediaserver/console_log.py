"""Log lines in the form of Jellyfin's console."""

import logging

_LEVELS = {"DEBUG": "DBG", "INFO": "INF", "WARNING": "WRN", "ERROR": "ERR", "CRITICAL": "FTL"}


class ConsoleFormatter(logging.Formatter):
    """`[HH:mm:ss] [INF] [12] Category: message`; the number stands for the thread."""

    def __init__(self) -> None:
        super().__init__("[%(asctime)s] [%(levelname)s] [%(thread)d] %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        shown = logging.makeLogRecord(record.__dict__)
        shown.levelname = _LEVELS.get(record.levelname, record.levelname)
        shown.thread = (record.thread or 0) % 100
        return super().format(shown)


def log_to_console() -> None:
    """Sends every logger's messages to the standard error output."""
    handler = logging.StreamHandler()
    handler.setFormatter(ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
