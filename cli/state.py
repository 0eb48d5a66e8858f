"""Where Pulumi's state and its passphrase are: where the environment says, or in the checkout's own folder.

A shell may still have what `lab env` gave it before the lab was removed. What it names of this checkout's own is made
again, as without it; anything else that is gone is not ours to make.
"""

import os
import secrets
from pathlib import Path
from urllib.parse import unquote

from jellyfin_ha.operations.errors import UserError

BACKEND = "PULUMI_BACKEND_URL"
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"
PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"
FILE = "file://"


def own_backend(folder: Path) -> Path:
    """The state that is kept in the checkout's own folder."""
    return folder / "backend"


def require_state(folder: Path) -> None:
    """Looks at what the environment names, before anything is built for it.

    Args:
        folder: the checkout's own.

    Raises:
        UserError: exit code 2; the state's folder or the passphrase's file is gone, and is not the checkout's own.
    """
    gone: dict[str, str] = {}
    url = _backend_url(folder)
    if url.startswith(FILE) and _path_of(url) != own_backend(folder) and not _path_of(url).is_dir():
        gone[BACKEND] = f"expected a folder that is there, found {os.environ[BACKEND]}"
    file = _passphrase_file(folder)
    if file is not None and file != _own_passphrase(folder) and not file.exists():
        gone[PASSPHRASE_FILE] = f"expected a file that is there, found {os.environ[PASSPHRASE_FILE]}"
    if gone:
        raise UserError(
            "the environment names what is not there:\n"
            + "\n".join(f"  {name}: {problem}" for name, problem in gone.items())
            + f"\n`unset {' '.join(gone)}` to use this checkout's own in {folder}, or put back what is missing. "
            'eval "$(jellyfin-ha lab env)" sets both, and a lab that is removed leaves them in the shell',
            exit_code=2,
        )


def state_variables(folder: Path) -> dict[str, str]:
    """What tells Pulumi of its state and passphrase; makes the checkout's own where they are to be used.

    Raises:
        UserError: see `require_state`.
    """
    require_state(folder)
    variables = {BACKEND: _backend_url(folder)}
    if _path_of(variables[BACKEND]) == own_backend(folder):
        own_backend(folder).mkdir(parents=True, exist_ok=True)
    file = _passphrase_file(folder)
    if file is not None:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(32))
        variables[PASSPHRASE_FILE] = str(file)
    return variables


def _backend_url(folder: Path) -> str:
    """The backend; a folder by its whole path, since Pulumi is not run where the command is."""
    url = os.environ.get(BACKEND) or f"{FILE}{own_backend(folder)}"
    if not url.startswith(FILE):
        return url
    path, mark, query = url.removeprefix(FILE).partition("?")
    return f"{FILE}{Path(path).expanduser().absolute()}{mark}{query}"


def _path_of(url: str) -> Path:
    return Path(unquote(url.removeprefix(FILE).partition("?")[0]))


def _own_passphrase(folder: Path) -> Path:
    return folder / "passphrase"


def _passphrase_file(folder: Path) -> Path | None:
    """The file with the passphrase; None when the passphrase itself is in the environment, an empty one too."""
    if PASSPHRASE in os.environ:
        return None
    named = os.environ.get(PASSPHRASE_FILE)
    return Path(named).absolute() if named else _own_passphrase(folder)
