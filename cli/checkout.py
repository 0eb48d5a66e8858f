"""Where the project is, and where this installation of it keeps what it writes."""

import os
from dataclasses import dataclass
from pathlib import Path

from jellyfin_ha.infra.settings import PROJECT
from jellyfin_ha.lab.instance import STATE_VARIABLE, Instance
from jellyfin_ha.operations.errors import UserError


@dataclass(frozen=True)
class Checkout:
    """A folder with the project's Pulumi.yaml.

    Args:
        folder: the folder.
        instance: the lab that belongs to it.
    """

    folder: Path
    instance: Instance

    @classmethod
    def find(cls) -> "Checkout":
        """The checkout that the current folder is in.

        Raises:
            UserError: exit code 2; it is in none.
        """
        here = Path.cwd()
        for folder in (here, *here.parents):
            if _is_checkout(folder):
                return cls(folder=folder, instance=Instance.of_checkout(folder, environ=_environment()))
        raise UserError(
            f"expected to be run in a checkout of jellyfin-ha, found no Pulumi.yaml of it in or above {here}: stacks "
            "and the lab are brought up from the project's own files, which an installed package does not have. "
            "`migrate`, `adopt`, `leases`, `lab sample-db` and the components work without them",
            exit_code=2,
        )

    @property
    def pulumi_folder(self) -> Path:
        """Where Pulumi's state and the stack files as they were run are kept."""
        return self.instance.state / "pulumi"

    def stack_file(self, stack: str) -> Path:
        """The committed stack file."""
        return self.folder / f"Pulumi.{stack}.yaml"


def _is_checkout(folder: Path) -> bool:
    """Whether the project is there; those who install the package have Pulumi projects of their own."""
    project = folder / "Pulumi.yaml"
    return project.is_file() and f"name: {PROJECT}" in project.read_text().splitlines() and (folder / "infra").is_dir()


def _environment() -> dict[str, str]:
    """The environment, with a state folder of the user's own where the machine's is not theirs to write.

    Only a stack in an existing cluster gets that far without root.
    """
    own = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "jellyfin-ha"
    return dict(os.environ) if os.geteuid() == 0 else {STATE_VARIABLE: str(own), **os.environ}
