"""The one error that a user is meant to read."""


class UserError(Exception):
    """Something the user can mend: refused or failed, and nothing was lost.

    Args:
        message: what was expected, what was found, and what to do about it.
        exit_code: what the command ends with: 1 refused or failed with nothing lost, 2 bad use or bad input.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
