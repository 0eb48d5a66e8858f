"""The cgroups below which each node's pods live, on both versions of the kernel's interface."""

import signal
from contextlib import suppress
from os import kill
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance
from . import waiting

MOUNT = Path("/sys/fs/cgroup")
# A cgroup can be removed only some time after its last process has ended.
REMOVE_SECONDS = 10.0

# What the kubelet wants to limit and count.
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")


def version(mount: Path = MOUNT) -> int:
    """2 for the unified hierarchy, 1 for a hierarchy a controller.

    Raises:
        UserError: exit code 2; there is neither.
    """
    if (mount / "cgroup.controllers").exists():
        return 2
    if (mount / "memory" / "cgroup.procs").exists() and (mount / "cpu" / "cgroup.procs").exists():
        return 1
    raise UserError(
        f"expected cgroups at {mount} (version 2, or version 1 with a folder for each controller), found neither; "
        "the lab's kubelets cannot limit or count anything without them",
        exit_code=2,
    )


def create(instance: Instance, node: str, mount: Path = MOUNT) -> None:
    """Makes the node's cgroup in every hierarchy.

    Raises:
        UserError: exit code 2; version 2 without a controller that the kubelet needs.
    """
    name = instance.cgroup(node)
    if version(mount) == 2:
        available = (mount / "cgroup.controllers").read_text().split()
        missing = [controller for controller in CONTROLLERS if controller not in available]
        if missing:
            raise UserError(
                f"expected the cgroup controllers {', '.join(CONTROLLERS)} in {mount}, found no {', '.join(missing)}",
                exit_code=2,
            )
        (mount / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in CONTROLLERS))
        (mount / name).mkdir(exist_ok=True)
        return
    for hierarchy in _hierarchies(mount):
        (hierarchy / name).mkdir(exist_ok=True)
        # Version 1: a new cpuset allows no processor and no memory until it is told which.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / file).exists():
                (hierarchy / name / file).write_text((hierarchy / file).read_text())


def existing(instance: Instance, node: str, mount: Path = MOUNT) -> list[Path]:
    """The node's cgroups that there are, in every hierarchy."""
    places = [mount, *_hierarchies(mount)]
    return [place / instance.cgroup(node) for place in places if (place / instance.cgroup(node)).is_dir()]


def remove(instance: Instance, node: str, mount: Path = MOUNT) -> None:
    """Kills whatever is in the node's cgroups and removes them.

    Raises:
        UserError: one is still in use after 10 s.
    """
    if not waiting.until(lambda: _removed(instance, node, mount), seconds=REMOVE_SECONDS):
        left = ", ".join(str(path) for path in existing(instance, node, mount))
        raise UserError(f"expected the cgroups of {node} to become empty within {REMOVE_SECONDS:.0f} s, found: {left}")


def _removed(instance: Instance, node: str, mount: Path) -> bool:
    for top in existing(instance, node, mount):
        for procs in top.rglob("cgroup.procs"):
            with suppress(OSError):
                # 0 stands for a process of a pid namespace that is not below ours; kill(0) would hit ourselves.
                for pid in {int(line) for line in procs.read_text().split()} - {0}:
                    kill(pid, signal.SIGKILL)
        # The deepest first; the kernel's files in them need no removal.
        for place in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                place.rmdir()
        with suppress(OSError):
            top.rmdir()
    return not existing(instance, node, mount)


def _hierarchies(mount: Path) -> list[Path]:
    return sorted(path for path in mount.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink())
