"""The running dev stack of this checkout; the tests bring it up when it is not up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jellyfin_ha.lab.instance import Instance
from jellyfin_ha.operations.cluster import Access

ROOT = Path(__file__).parents[2]

# From nothing: the toolchain, the images, the cluster.
UP_SECONDS = 50 * 60


@dataclass(frozen=True)
class Command:
    """The console command in a checkout."""

    checkout: Path = ROOT

    def run(
        self, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = UP_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Runs `jellyfin-ha` and returns how it ended."""
        return subprocess.run(
            [str(Path(sys.executable).parent / "jellyfin-ha"), *arguments],
            cwd=self.checkout,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts `jellyfin-ha` and leaves it running; what it says goes nowhere."""
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "jellyfin-ha"), *arguments],
            cwd=self.checkout,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ok(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Runs `jellyfin-ha`, which must succeed, and returns what it printed."""
        done = self.run(*arguments, environment=environment)
        assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell_variables(self) -> dict[str, str]:
        """What `jellyfin-ha lab env` gives a shell."""
        script = 'eval "$("$0" lab env)"; env -0'
        done = subprocess.run(
            ["sh", "-c", script, str(Path(sys.executable).parent / "jellyfin-ha")],
            cwd=self.checkout,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)


@dataclass(frozen=True)
class Stack:
    """The dev stack, up."""

    command: Command
    instance: Instance
    variables: Mapping[str, str]

    @property
    def access(self) -> Access:
        """How to reach its namespace."""
        return Access(namespace="jellyfin", kubeconfig=str(self.instance.kubeconfig))

    def status(self) -> dict[str, Any]:
        """`jellyfin-ha status --json`."""
        return json.loads(self.command.ok("status", "--json"))

    def make(self, target: str) -> str:
        """Runs make in the checkout."""
        return self._tool(["make", "--no-print-directory", target], os.environ)

    def kubectl(self, *arguments: str) -> str:
        """Runs kubectl in the stack's namespace."""
        return self._tool(["kubectl", "--namespace", "jellyfin", *arguments])

    def pulumi(self, *arguments: str) -> str:
        """Runs pulumi on the stack, from the checkout."""
        return self._tool(["pulumi", *arguments, "--stack", "dev", "--non-interactive"])

    def refused(self, *command: str, given: str | None = None) -> str:
        """Runs a command that must fail, from the checkout, and returns all that it said."""
        done = self._run(command, self.variables, given)
        assert done.returncode != 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def apply(self, manifests: str, *options: str) -> str:
        """Gives manifests to the API server, which takes no field that it does not know."""
        command = ["kubectl", "apply", "--server-side", "--validate=strict", "--filename=-", *options]
        return self._tool(command, given=manifests)

    def _tool(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, given: str | None = None
    ) -> str:
        done = self._run(command, self.variables if environment is None else environment, given)
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _run(
        self, command: Sequence[str], environment: Mapping[str, str], given: str | None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.command.checkout,
            env=dict(environment),
            input=given,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The dev stack of this checkout, brought up."""
    command = Command()
    command.ok("up")
    return Stack(command, Instance.of_checkout(ROOT, environ=os.environ), command.shell_variables())
