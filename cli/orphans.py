"""Plugins that a killed Pulumi has left running: they wait for it for ever."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def end_plugins_of(home: Path) -> None:
    """Ends the plugins of a Pulumi that is gone.

    Args:
        home: its PULUMI_HOME, which tells its plugins from all others.
    """
    mark = f"PULUMI_HOME={home}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        # Those of other users cannot be read, and some end meanwhile.
        with suppress(OSError):
            is_plugin = (process / "exe").readlink().name.startswith("pulumi-")
            if is_plugin and _is_orphan(process) and mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGTERM)


def _is_orphan(process: Path) -> bool:
    # proc(5): the parent's id is the second field after the name in parentheses.
    return (process / "stat").read_text().rpartition(")")[2].split()[1] == "1"
