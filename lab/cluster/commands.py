"""Running the host's programs, briefly."""

import subprocess

from jellyfin_ha.operations.errors import UserError

# Daemons and helpers get this instead of the caller's environment: a proxy or a Go setting there must not reach them.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}

DEFAULT_SECONDS = 15.0


def attempt(*command: str, stdin: str = "", seconds: float = DEFAULT_SECONDS) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, whatever the end; 124: none within `seconds`, 127: no such program."""
    try:
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=ENVIRONMENT, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no end within {seconds:.0f} s")
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"no program {command[0]}")


def run(*command: str, stdin: str = "", seconds: float = DEFAULT_SECONDS) -> str:
    """Runs a program and returns what it printed.

    Raises:
        UserError: it failed, or did not end within `seconds`.
    """
    done = attempt(*command, stdin=stdin, seconds=seconds)
    if done.returncode != 0:
        raise UserError(f"`{' '.join(command)}` failed: {failure(done)}")
    return done.stdout


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed program said."""
    return done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
