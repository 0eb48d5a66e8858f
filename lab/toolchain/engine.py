"""Which Pulumi is used, and what it needs in its environment."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

from ..commands import Command, output

# Since then a failing after-hook fails the deployment.
OLDEST_PULUMI = (3, 238)
LANGUAGE_HOST = "pulumi-language-python"
ASK_SECONDS = 60


@dataclass(frozen=True)
class Toolchain:
    """The programs that the lab runs.

    Args:
        bin: the folder of those that were built, all of them side by side.
        engine: the Pulumi program, or None when the engine was not asked for.
        built_engine: whether it and its plugins are ours, rather than an installation that was found on PATH.
    """

    bin: Path
    engine: Path | None
    built_engine: bool

    @property
    def pulumi(self) -> Path:
        """The Pulumi program.

        Raises:
            ValueError: the engine was not among the parts that were asked for.
        """
        if self.engine is None:
            raise ValueError("this toolchain was made without the engine: ask for parts=('engine', ...)")
        return self.engine

    def environment(self, venv_python: Path, plugins: Path) -> dict[str, str]:
        """The variables that a run of Pulumi needs, to lay over our own; without back end and passphrase.

        Args:
            venv_python: the Python that runs the program, with its dependencies.
            plugins: a folder of stand-in plugins; used with our own engine only. An installed Pulumi fetches
                the real ones itself.
        """
        inherited = os.environ.get("PATH", os.defpath)
        folders = [plugins, self.bin] if self.built_engine else [self.pulumi.parent]
        variables = {
            "PATH": os.pathsep.join([*map(str, folders), str(venv_python.parent), inherited]),
            # The language host that is built here knows nothing of the project's `virtualenv` option.
            "PULUMI_PYTHON_CMD": str(venv_python),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        if self.built_engine:
            variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        return variables


def installed_pulumi(progress: Progress, *, ours: Path) -> Path | None:
    """A Pulumi on PATH that is recent enough and can run Python programs; None when there is none.

    Args:
        progress: told which is used, or why one is not.
        ours: the folder of those that were built here. A shell with a lab's variables has them on its PATH, and an
            installed one would be run without the lab's plugins.
    """
    path = _without(ours, os.environ.get("PATH", os.defpath))
    found = shutil.which("pulumi", path=path)
    if not found:
        return None
    oldest = ".".join(map(str, OLDEST_PULUMI))
    try:
        environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        said = output(Command([found, "version"], "asking Pulumi for its version", ASK_SECONDS, environment)).strip()
    except UserError as error:
        progress(f"the Pulumi at {found} does not answer and is not used: {error}", None)
        return None
    version = re.match(r"v?(\d+)\.(\d+)\.", said)
    if not version or (int(version[1]), int(version[2])) < OLDEST_PULUMI:
        progress(f"the Pulumi at {found} is {said or 'of no version'}, older than {oldest}, and is not used", None)
        return None
    if not shutil.which(LANGUAGE_HOST, path=os.pathsep.join([str(Path(found).parent), path])):
        progress(f"the Pulumi at {found} has no {LANGUAGE_HOST} and is not used", None)
        return None
    progress(f"using the installed Pulumi {said} at {found}; it fetches its plugins itself", None)
    return Path(found)


def _without(ours: Path, path: str) -> str:
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if ours not in Path(folder).parents)
