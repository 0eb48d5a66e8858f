"""A real Pulumi engine without a cluster: what is asked of Kubernetes is written to files."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jellyfin_ha.lab import toolchain
from jellyfin_ha.lab.toolchain import write_launcher
from jellyfin_ha.operations.progress import silent

ROOT = Path(__file__).parents[2]
SECONDS = 120

# How Pulumi's Python host starts a package that is a plugin.
PLUGIN = (sys.executable, "-m", "pulumi.run.plugin", "jellyfin-ha")


@dataclass(frozen=True)
class Engine:
    """Pulumi with a state of its own below `folder`, which also finds this checkout's component package."""

    pulumi: Path
    environment: dict[str, str]
    folder: Path

    @classmethod
    def below(cls, folder: Path) -> Engine:
        """A new one; builds the toolchain first where there is none."""
        made = toolchain.ensure(silent, parts=("engine",))
        plugins = folder / "plugins"
        write_launcher(plugins, Path(sys.executable))
        launcher = plugins / "pulumi-resource-jellyfin-ha"
        launcher.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(PLUGIN)} "$@"\n')
        launcher.chmod(0o755)
        (folder / "state").mkdir()
        variables = made.environment(Path(sys.executable), plugins)
        environment = {
            **os.environ,
            **variables,
            # An installed Pulumi fetches its plugins, but this one is nowhere to be fetched.
            "PATH": os.pathsep.join([str(plugins), variables["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
        }
        environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        return cls(made.pulumi, environment, folder)

    @property
    def rendered(self) -> Path:
        """Where programs write what they ask of Kubernetes."""
        return self.folder / "rendered"

    def run(self, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi` in a project's folder and returns how it ended."""
        return subprocess.run(
            [self.pulumi, *arguments],
            cwd=project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def ok(self, project: Path, *arguments: str) -> str:
        """Runs `pulumi`, which must succeed, and returns what it printed."""
        done = self.run(project, *arguments)
        assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def asked_for(self, kind: str, name: str) -> dict[str, Any]:
        """The one object of this kind and name that was asked of Kubernetes."""
        objects = [yaml.safe_load(path.read_text()) for path in self.rendered.rglob("*.yaml")]
        (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        return found
