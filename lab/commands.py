"""Other programs, run with a deadline, a log and an error that a person can act on."""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

LAST_LINES = 15


@dataclass(frozen=True)
class Command:
    """A program to run.

    Args:
        arguments: the program and what it is given.
        what: what it is for, for error messages ("building etcd").
        seconds: after so long it is killed.
        environment: its whole environment; None: ours.
        folder: where it runs; None: where we run.
    """

    arguments: Sequence[str | Path]
    what: str
    seconds: float
    environment: Mapping[str, str] | None = None
    folder: Path | None = None


def output(command: Command) -> str:
    """What a short program prints on standard output.

    Raises:
        UserError: it is missing, failed, or took too long.
    """
    try:
        done = subprocess.run(
            command.arguments,
            env=command.environment,
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=command.seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise UserError(f"{command.what} needs {command.arguments[0]}, which is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{command.what} did not end within {command.seconds:g} s and was killed.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).splitlines()[-LAST_LINES:]
        raise UserError(_failed(command, done.returncode, said))
    return done.stdout


def run_logged(command: Command, log: Path, on_line: Callable[[str], None] | None = None) -> None:
    """Run a long program; both its outputs are appended to `log` and told line by line.

    Raises:
        UserError: it is missing, failed, or took too long; with its last lines and where the log is.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    last: deque[str] = deque(maxlen=LAST_LINES)
    with log.open("a") as sink:
        try:
            process = subprocess.Popen(
                command.arguments,
                env=command.environment,
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                process_group=0,
            )
        except FileNotFoundError as error:
            raise UserError(f"{command.what} needs {command.arguments[0]}, which is not installed.") from error
        late = threading.Event()

        def give_up() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(command.seconds, give_up)
        timer.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                sink.write(line)
                last.append(line.rstrip("\n"))
                if on_line:
                    on_line(line.rstrip("\n"))
            code = process.wait()
        finally:
            timer.cancel()
            _kill(process)
            process.wait()
    if late.is_set():
        raise UserError(f"{command.what} did not end within {command.seconds:g} s and was killed. Its log: {log}")
    if code:
        raise UserError(_failed(command, code, last, log))


def _kill(process: subprocess.Popen[str]) -> None:
    """End a program with everything that it started; its children would keep our pipe open."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _failed(command: Command, code: int, last: Sequence[str], log: Path | None = None) -> str:
    lines = "\n".join(f"  {line}" for line in last)
    where = f"\nThe whole log: {log}" if log else ""
    return f"{command.what} failed (exit status {code}):\n{lines}{where}"
