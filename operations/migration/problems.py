"""What is wrong with a source, gathered, so that a user sees all of it at once."""

from ..errors import UserError

SHOWN = 20


class Problems:
    """Counts every problem and keeps the first few in words."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._count = 0

    def add(self, text: str, *, times: int = 1) -> None:
        """Note one problem (`times` of the same kind)."""
        self._count += times
        if len(self._shown) < SHOWN:
            self._shown.append(text)

    def __bool__(self) -> bool:
        return self._count > 0

    def error(self, opening: str, advice: str) -> UserError:
        """The error that tells them, exit code 1.

        Args:
            opening: what happened; the list follows it.
            advice: what to do.
        """
        hidden = self._count - len(self._shown)
        lines = [f"  {text}" for text in self._shown] + ([f"  and {hidden} more"] if hidden > 0 else [])
        return UserError("\n".join([f"{opening}:", *lines, advice]))
