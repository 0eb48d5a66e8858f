"""Why a server must not start."""


class CannotStart(Exception):
    """The message says what was expected, what was found, and what to do."""
