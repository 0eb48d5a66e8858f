"""What is wrong with a source, gathered, so that a user sees all of it at once."""

from collections.abc import Sequence

from ..errors import UserError

SHOWN = 20
# A report holds more than a terminal can show, and memory has a limit.
KEPT = 10_000


class RefusedError(UserError):
    """A source or a copy with problems; `problems` has all that were kept, one line each."""

    def __init__(self, message: str, problems: Sequence[str]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class Problems:
    """Counts every problem and keeps the first ones in words."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._count = 0

    def add(self, text: str, *, times: int = 1) -> None:
        """Note one problem (`times` of the same kind)."""
        self._count += times
        if len(self._kept) < KEPT:
            self._kept.append(text)

    def __bool__(self) -> bool:
        return self._count > 0

    def error(self, opening: str, advice: str) -> RefusedError:
        """The error that tells them, exit code 1.

        Args:
            opening: what happened; the list follows it.
            advice: what to do.
        """
        shown = self._kept[:SHOWN]
        hidden = self._count - len(shown)
        lines = [f"  {text}" for text in shown] + ([f"  and {hidden} more"] if hidden > 0 else [])
        return RefusedError("\n".join([f"{opening}:", *lines, advice]), self._kept)
