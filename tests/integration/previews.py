"""Real previews of the whole program without a cluster: the provider writes YAML.

Run as a program it makes the samples in golden/previews anew, which the unit tests read.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jellyfin_ha.cli.engine import Engine
from jellyfin_ha.cli.overlay import laid_over
from jellyfin_ha.cli.state import BACKEND, PASSPHRASE, PASSPHRASE_FILE
from jellyfin_ha.lab import toolchain
from jellyfin_ha.operations.progress import silent

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden" / "previews"
STACK = "dev"
SECONDS = 240

BEFORE: dict[str, Any] = {
    "config": {
        "jellyfin-ha:server": {
            "image": "registry.example/jellyfin:10.11.11-1",
            "url": "http://jellyfin.example.org",
        },
        "jellyfin-ha:storage": {
            "config": {"storageClass": "nfs"},
            "media": {"nfs": {"server": "nas.example.org", "path": "/media"}},
        },
    }
}

# Each laid over the stack file above.
CHANGED = {
    "jellyfin-ha:server": {"image": "registry.example/jellyfin:10.11.12-1"},
    "jellyfin-ha:leaseStore": {"memoryMib": 512},
}
REFUSED = {"jellyfin-ha:database": {"storage": {"size": "20Gi"}}}
BROKEN = {"jellyfin-ha:server": {"replicas": "two"}}
MOVED = {"jellyfin-ha:namespace": "home"}

# What is of one run, or of the machine it ran on.
OF_THE_RUN = frozenset({"stackTrace", "sourcePosition", "created", "modified", "duration", "outputs"})


@dataclass(frozen=True)
class Previews:
    """One stack whose provider writes YAML."""

    engine: Engine

    def up(self) -> None:
        """Makes everything."""
        self.engine.prepare(STACK, BEFORE)
        self.engine.up(STACK)

    def unprotect(self) -> None:
        """Lets everything be replaced and deleted."""
        done = self._pulumi("state", "unprotect", "--all", "--yes")
        assert done.returncode == 0, done.stderr

    def preview(self, change: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
        """What `pulumi preview --json` prints when the stack file has `change` laid over it."""
        self.engine.prepare(STACK, laid_over(BEFORE, change))
        return self._pulumi("preview", "--json", "--config-file", str(self.engine.stack_file(STACK)))

    def show_state(self) -> str:
        """The state with its secrets, as JSON."""
        return self._pulumi("stack", "export", "--show-secrets").stdout

    def _pulumi(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.engine.pulumi, *command, "--stack", STACK, "--non-interactive"],
            cwd=self.engine.checkout,
            env={**os.environ, **self.engine.variables()},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@contextmanager
def previews(folder: Path) -> Generator[Previews]:
    """A new stack with everything it needs, its state too, below `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in (BACKEND, PASSPHRASE, PASSPHRASE_FILE):
            patch.delenv(variable, raising=False)
        yield Previews(_engine(folder))


def _engine(folder: Path) -> Engine:
    binaries = toolchain.ensure(silent, parts=("engine",))
    plugins = folder / "plugins"
    toolchain.write_launcher(plugins, Path(sys.executable))
    checkout = folder / "checkout"
    (checkout / "infra").mkdir(parents=True)
    shutil.copyfile(ROOT / "Pulumi.yaml", checkout / "Pulumi.yaml")
    shutil.copyfile(Path(__file__).parent / "preview_program.py", checkout / "infra" / "__main__.py")
    (checkout / ".venv").symlink_to(sys.prefix)
    environment = {
        **binaries.environment(Path(sys.executable), plugins),
        "PYTHONPATH": str(ROOT),
        "RENDERED": str(folder / "yaml"),
    }
    return Engine(binaries.pulumi, environment, checkout, folder / "pulumi")


def sample(text: str) -> dict[str, Any]:
    """A preview without what is of one run: times, places in the sources, what the provider answered."""
    content = _without_the_run(json.loads(text))
    content["diagnostics"] = [found for found in content["diagnostics"] if found["severity"] == "error"]
    return content


def _without_the_run(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_the_run(part) for key, part in value.items() if key not in OF_THE_RUN}
    return [_without_the_run(part) for part in value] if isinstance(value, list) else value


def main() -> None:
    """Makes the samples."""
    with tempfile.TemporaryDirectory() as folder, previews(Path(folder)) as stack:
        stack.up()
        made = {"changed": stack.preview(CHANGED), "refused": stack.preview(REFUSED), "broken": stack.preview(BROKEN)}
        stack.unprotect()
        made["moved"] = stack.preview(MOVED)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, done in made.items():
        (GOLDEN / f"{name}.json").write_text(json.dumps(sample(done.stdout), indent=1) + "\n")


if __name__ == "__main__":
    main()
