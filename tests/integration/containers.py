"""Images run as containers by runc, as strictly as a restricted pod would run them, on this machine's network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from jellyfin_ha.lab.images import Image

RUNC_SECONDS = 60
# The largest image has thousands of files, and other tests may keep the machine busy.
UNPACK_SECONDS = 300


@dataclass(frozen=True)
class Container:
    """A running container and what it has said so far."""

    identifier: str
    process: subprocess.Popen[bytes]
    log: Path
    runc: Sequence[str]

    def output(self) -> str:
        """Standard output and error, so far."""
        return self.log.read_text(errors="replace")

    def execute(self, *command: str) -> str:
        """What a command inside prints; it must not fail."""
        done = subprocess.run(
            [*self.runc, "exec", self.identifier, *command],
            capture_output=True,
            text=True,
            timeout=RUNC_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.output()}"
        return done.stdout

    def stop(self, by: signal.Signals, *, seconds: float = 20) -> int:
        """Send a signal to the container's first process and return what it ended with."""
        subprocess.run(
            [*self.runc, "kill", self.identifier, str(int(by))], check=True, timeout=RUNC_SECONDS, capture_output=True
        )
        return self.process.wait(seconds)


def unpack(image: Image, folder: Path) -> Path:
    """Unpack an image's archive into an OCI bundle (`rootfs` and `config.json`)."""
    layout = folder / "layout"
    with tarfile.open(image.archive) as archive:
        archive.extractall(layout, filter="data")
    bundle = folder / "bundle"
    subprocess.run(
        ["umoci", "unpack", "--image", f"{layout}:{image.reference}", bundle],
        check=True,
        timeout=UNPACK_SECONDS,
        capture_output=True,
    )
    return bundle


@contextmanager
def running(
    bundle: Path,
    *,
    args: Sequence[str] = (),
    entrypoint: str | None = None,
    env: Mapping[str, str] | None = None,
    user: tuple[int, int] = (999, 999),
    volumes: Mapping[str, Path] | None = None,
    empty: Sequence[str] = (),
    root: bool = False,
) -> Generator[Container]:
    """Run a bundle for as long as the block lasts.

    No capabilities, no new privileges and a read-only root file system, unless `root`; the host's network, so
    that tests reach it on loopback.

    Args:
        args: put in the place of the image's command.
        entrypoint: put in the place of the image's own.
        env: laid over the image's environment.
        user: uid and gid.
        volumes: path inside to a folder of the host.
        empty: paths inside that are empty and writable, as emptyDir volumes are.
        root: run as root with the capabilities that containers have by default.
    """
    original = bundle / "config.original.json"
    if not original.exists():
        (bundle / "config.json").rename(original)
    spec = cast(dict[str, Any], json.loads(original.read_text()))
    if args:
        spec["process"]["args"] = [entrypoint or spec["process"]["args"][0], *args]
    _restrict(spec, env=env or {}, user=(0, 0) if root else user, root=root)
    spec["mounts"] += [_bind(path, source) for path, source in (volumes or {}).items()]
    spec["mounts"] += [_empty(path) for path in empty]
    (bundle / "config.json").write_text(json.dumps(spec))
    identifier = f"jellyfin-ha-test-{uuid4().hex[:12]}"
    runc = ["runc", "--root", str(bundle / "state")]
    log = bundle / f"{identifier}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*runc, "run", "--bundle", str(bundle), identifier],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Container(identifier, process, log, runc)
    finally:
        subprocess.run([*runc, "delete", "--force", identifier], check=False, timeout=RUNC_SECONDS, capture_output=True)
        process.wait(RUNC_SECONDS)


def _restrict(spec: dict[str, Any], *, env: Mapping[str, str], user: tuple[int, int], root: bool) -> None:
    process = spec["process"]
    process["terminal"] = False
    process["user"] = {"uid": user[0], "gid": user[1]}
    process["env"] = [*process["env"], *(f"{name}={value}" for name, value in env.items())]
    process["noNewPrivileges"] = True
    capabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID"] if root else []
    process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), capabilities)
    process.pop("rlimits", None)
    spec["root"]["readonly"] = not root
    spec["linux"]["namespaces"] = [found for found in spec["linux"]["namespaces"] if found["type"] != "network"]
    spec["linux"]["cgroupsPath"] = f"/jellyfin-ha-test-{os.getpid()}-{uuid4().hex[:8]}"
    # umoci gives every declared volume a file system in memory (source "none"); the tests say what lies there.
    spec["mounts"] = [
        found for found in spec["mounts"] if found["destination"] != "/sys/fs/cgroup" and found["source"] != "none"
    ]


def _bind(path: str, source: Path) -> dict[str, Any]:
    return {"destination": path, "type": "bind", "source": str(source), "options": ["rbind", "rw"]}


def _empty(path: str) -> dict[str, Any]:
    options = ["nosuid", "nodev", "mode=1777"]
    return {"destination": path, "type": "tmpfs", "source": "emptyDir", "options": options}
