"""Running Pulumi for one checkout: its project, its backend, its stack file."""

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from jellyfin_ha.operations.errors import UserError

from .orphans import end_plugins_of
from .state import own_backend, state_variables

# The servers may take half an hour to start and the schema Job longer; Pulumi's own timeouts end an update earlier.
UP_SECONDS = 2 * 60 * 60
QUICK_SECONDS = 120


@dataclass(frozen=True)
class Engine:
    """Pulumi for the project in `checkout`, with everything it writes below `folder`.

    Args:
        pulumi: the program.
        environment: what it needs besides the caller's environment.
        checkout: the folder with Pulumi.yaml.
        folder: holds the stack files as they were run, the passphrase and, unless PULUMI_BACKEND_URL is set, the
            state.
    """

    pulumi: Path
    environment: Mapping[str, str]
    checkout: Path
    folder: Path

    def stack_file(self, stack: str) -> Path:
        """The stack file that runs use: the committed one, with what the environment lays over it."""
        return self.folder / f"Pulumi.{stack}.yaml"

    def prepare(self, stack: str, content: Mapping[str, object]) -> None:
        """Makes the stack in the backend, if needed, and writes its stack file.

        The committed file is never written to: Pulumi keeps each installation's key material in the stack file.

        Raises:
            UserError: exit code 2; Pulumi does not take the passphrase.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "home").mkdir(exist_ok=True)
        shutil.copyfile(self.checkout / "Pulumi.yaml", self.folder / "Pulumi.yaml")
        target = self.stack_file(stack)
        kept = cast(dict[str, object], yaml.safe_load(target.read_text()) or {}) if target.is_file() else {}
        key_material = {key: kept[key] for key in ("encryptionsalt", "encryptedkey", "secretsprovider") if key in kept}
        written = target.with_suffix(".new")
        written.write_text(yaml.safe_dump({**key_material, **content}, sort_keys=False))
        written.replace(target)
        self._quiet("stack", "select", "--create", stack, cwd=self.folder)

    def up(self, stack: str) -> None:
        """Brings the stack to what its file says; Pulumi's own display goes to the caller's terminal.

        Raises:
            UserError: the update failed, and Pulumi has said why; exit code 2 when nothing was begun, because the
                passphrase is not the one that the stack was made with.
        """
        options = ["--yes", "--skip-preview", "--stack", stack, "--config-file", str(self.stack_file(stack))]
        with self._alone():
            self._unlock(stack)
            code = 0
            if self._has_pending_operations(stack):
                # A Pulumi that was killed does not know what became of what it was making. Forgotten here, such a
                # resource is taken up by the update as it is.
                code = self._attended("refresh", "--clear-pending-creates", *options)
            code = code or self._attended("up", *options)
        if code != 0:
            raise UserError(
                "`pulumi up` failed, as said above. What was made is recorded: mend the cause and run it again; "
                "it goes on where it stopped"
            )

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keeps other runs of this checkout away; the kernel ends it with the process, however that dies."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    "expected no other run in this checkout, found one that is at work: wait for its end"
                ) from None
            yield

    def _unlock(self, stack: str) -> None:
        """Takes away the lock that a killed Pulumi has left in our own backend, where only this machine works.

        One that still runs, after its caller was killed, keeps its lock, and the update says so.
        """
        locks = own_backend(self.folder).glob(".pulumi/locks/**/*.json")
        holders = [int(json.loads(path.read_text())["pid"]) for path in locks]
        if holders and not any(Path(f"/proc/{pid}").exists() for pid in holders):
            end_plugins_of(self.folder / "home")
            self._quiet("cancel", "--yes", "--stack", stack, cwd=self.folder)

    def _has_pending_operations(self, stack: str) -> bool:
        # Decrypting shows whether the passphrase is the right one.
        state = self._quiet("stack", "export", "--show-secrets", "--stack", stack, cwd=self.folder)
        deployment = json.loads(state)["deployment"]
        return bool(deployment.get("pending_operations"))

    def _attended(self, *command: str) -> int:
        """Runs Pulumi at the caller's terminal and returns its exit code."""
        process = subprocess.Popen(
            [str(self.pulumi), *command], cwd=self.checkout, env=self._environment(), stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + UP_SECONDS
        while True:
            try:
                return process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except KeyboardInterrupt:
                # Ctrl-C reached Pulumi as well: it ends what it has begun, writes its state and goes.
                continue
            except subprocess.TimeoutExpired:
                process.terminate()
                try:
                    process.wait(timeout=QUICK_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                raise UserError(
                    f"expected `pulumi up` to end within {UP_SECONDS // 60} minutes, found it still at work; "
                    "it was told to stop"
                ) from None

    def changes(self, stack: str) -> dict[str, int]:
        """How many resources the last update created, updated, replaced or left as they were ("same")."""
        page = self._quiet("stack", "history", "--json", "--page-size", "1", "--stack", stack, cwd=self.folder)
        history = cast(list[dict[str, dict[str, int]]], json.loads(page))
        return history[0].get("resourceChanges", {}) if history else {}

    def variables(self) -> dict[str, str]:
        """The environment in which `pulumi` in a shell sees the same project.

        Raises:
            UserError: exit code 2; the environment names a state or a passphrase that is gone.
        """
        return {"PULUMI_HOME": str(self.folder / "home"), **self.environment, **state_variables(self.folder)}

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables()}

    def _quiet(self, *command: str, cwd: Path) -> str:
        try:
            done = subprocess.run(
                [str(self.pulumi), *command, "--non-interactive"],
                cwd=cwd,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=QUICK_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UserError(
                f"expected `pulumi {command[0]}` to answer within {QUICK_SECONDS} s, found that it did not"
            ) from None
        if done.returncode == 0:
            return done.stdout
        if "passphrase" in done.stderr:
            raise UserError(
                f"expected the passphrase with which the stack was made, in PULUMI_CONFIG_PASSPHRASE or "
                f"PULUMI_CONFIG_PASSPHRASE_FILE; Pulumi says: {done.stderr.strip()}",
                exit_code=2,
            )
        raise UserError(f"`pulumi {' '.join(command[:2])}` failed: {done.stderr.strip() or done.stdout.strip()}")
