"""The way back: PostgreSQL's content in a new `jellyfin.db`, so that nobody is locked in."""

from .run import ReverseResult, reverse

__all__ = ["ReverseResult", "reverse"]
