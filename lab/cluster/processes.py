"""Starting, finding and stopping a lab's processes.

No pid is ever stored. A process belongs to a lab when the environment it was started with says so, which survives
every crash of ours, cannot go stale, and is never true of a stranger that got an old pid.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance
from . import waiting
from .commands import ENVIRONMENT

LAB_VARIABLE = "JELLYFIN_HA_LAB"
PROCESS_VARIABLE = "JELLYFIN_HA_PROCESS"

START_SECONDS = 10.0
KILL_SECONDS = 5.0
# While a process is about to become another program, it seems to have no environment.
EXEC_SECONDS = 0.5
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True)
class Daemon:
    """A process that should run.

    Args:
        name: its name in the lab ("etcd", "n1-kubelet").
        command: the program and its arguments, as `ps` will show them.
        files: configuration it reads at its start; it is restarted when one of them changes.
        enter: a command prefix that puts it where it belongs (nsenter, unshare).
    """

    name: str
    command: tuple[str, ...]
    files: Mapping[Path, str] = field(default_factory=dict[Path, str])
    enter: tuple[str, ...] = ()


@dataclass(frozen=True)
class Running:
    """A live process of a lab.

    Args:
        pid: in the machine's own pid namespace.
        name: of the daemon it is, or was started by.
        command: its arguments now.
        started: clock ticks since boot; with the pid it names this process and no later one.
    """

    pid: int
    name: str
    command: tuple[str, ...]
    started: int

    @property
    def program(self) -> str:
        """The name of its executable."""
        return Path(self.command[0]).name


def scan(instance: Instance) -> list[Running]:
    """Every live process that carries the lab's mark, oldest first: daemons, their wrappers, containerd's shims."""
    found = (_read(Path(entry.path), instance) for entry in os.scandir("/proc") if entry.name.isdecimal())
    return sorted((process for process in found if process), key=lambda process: (process.started, process.pid))


def find(instance: Instance, daemon: str, program: str) -> Running | None:
    """The process that is the daemon itself, not its wrapper or a child."""
    return next((p for p in scan(instance) if p.name == daemon and p.program == program), None)


def log_file(instance: Instance, daemon: str) -> Path:
    """Where a daemon writes."""
    return instance.log_folder / f"{daemon}.log"


def ensure(instance: Instance, daemon: Daemon) -> bool:
    """Makes the daemon run with this command and these files; True when it had to be started.

    Raises:
        UserError: it ended at once; the message has the end of its log.
    """
    changed = _write(daemon.files)
    program = Path(daemon.command[0]).name
    present = find(instance, daemon.name, program)
    if present and present.command == daemon.command and not changed:
        return False
    if present:
        stop([present], seconds=START_SECONDS)
    log = log_file(instance, daemon.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("w") as output:
        # --fork makes it nobody's child: it outlives this command and is reaped by the machine's init.
        subprocess.run(
            ["setsid", "--fork", *daemon.enter, *daemon.command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**ENVIRONMENT, LAB_VARIABLE: instance.key, PROCESS_VARIABLE: daemon.name},
            cwd="/",
            timeout=START_SECONDS,
            check=True,
        )
    seen = time.monotonic()

    def settled() -> bool:
        nonlocal seen
        mine = [process for process in scan(instance) if process.name == daemon.name]
        if mine:
            seen = time.monotonic()
        return any(process.program == program for process in mine) or time.monotonic() - seen > EXEC_SECONDS

    waiting.until(settled, seconds=START_SECONDS, poll=0.02)
    if find(instance, daemon.name, program) is None:
        raise UserError(f"expected {daemon.name} to start, found that it ended: {tail(log)}")
    return True


def tail(log: Path) -> str:
    """The end of a log, and where it is."""
    text = log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip() if log.exists() else ""
    return f"{text or 'nothing in its log'}\n(log: {log})"


def stop(processes: Iterable[Running], *, seconds: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Sends `first`, gives all of them together `seconds`, then kills what is left and waits until it is gone.

    Raises:
        UserError: a process does not even end when killed.
    """
    handles = {handle: process for process in processes if (handle := _handle(process)) is not None}
    try:
        for how, patience in ((first, seconds), (signal.SIGKILL, KILL_SECONDS)):
            for handle in handles:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, how)
            for handle in _ended(handles, patience):
                os.close(handle)
                del handles[handle]
            if not handles:
                return
        names = ", ".join(f"{process.name} ({process.pid})" for process in handles.values())
        raise UserError(f"expected these processes to end when killed, found them alive: {names}")
    finally:
        for handle in handles:
            os.close(handle)


def kill(processes: Iterable[Running]) -> None:
    """Ends processes at once and waits until they are gone; raises as `stop` does."""
    stop(processes, seconds=KILL_SECONDS, first=signal.SIGKILL)


def _ended(handles: Iterable[int], seconds: float) -> list[int]:
    poller = select.poll()
    left = set(handles)
    for handle in left:
        poller.register(handle, select.POLLIN)
    ended: list[int] = []
    deadline = time.monotonic() + seconds
    while left and (remaining := deadline - time.monotonic()) > 0:
        for handle, _ in poller.poll(remaining * 1000):
            poller.unregister(handle)
            left.discard(handle)
            ended.append(handle)
    return ended


def _handle(process: Running) -> int | None:
    """A pidfd of exactly this process, or None when it has ended."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if _start_time(Path("/proc", str(process.pid))) == process.started:
        return handle
    os.close(handle)
    return None


def _read(folder: Path, instance: Instance) -> Running | None:
    try:
        environment = (folder / "environ").read_bytes()
        if f"{LAB_VARIABLE}={instance.key}\0".encode() not in environment:
            return None
        command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        started = _start_time(folder)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    mark = f"{PROCESS_VARIABLE}=".encode()
    name = next((entry[len(mark) :].decode() for entry in environment.split(b"\0") if entry.startswith(mark)), "")
    if not command or not name or started is None:
        return None
    return Running(int(folder.name), name, tuple(command), started)


def _start_time(folder: Path) -> int | None:
    """Field 22 of /proc/<pid>/stat (proc(5)); the second field may hold anything, so count from its last bracket."""
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _write(files: Mapping[Path, str]) -> bool:
    changed = False
    for path, content in files.items():
        if not path.exists() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            changed = True
    return changed
