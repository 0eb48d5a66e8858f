"""The executable by whose name Pulumi finds the random provider's stand-in."""

import shlex
from pathlib import Path

PLUGIN = "pulumi-resource-random"
STAND_IN = "jellyfin_ha.lab.toolchain.random_provider"


def write_launcher(folder: Path, python: Path) -> Path:
    """Write the executable `pulumi-resource-random` that starts the lab's stand-in of the random provider.

    Args:
        folder: where it goes; made when missing. Put it on PATH (`Toolchain.environment` does).
        python: a Python that has the Pulumi SDK.

    Returns:
        The executable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkout = Path(__file__).resolve().parents[2]
    launcher = folder / PLUGIN
    written = launcher.with_suffix(".new")
    written.write_text(
        "#!/bin/sh\n"
        "# The lab's stand-in of Pulumi's random provider: for random passwords only.\n"
        f'PYTHONPATH={shlex.quote(str(checkout))} exec {shlex.quote(str(python))} -m {STAND_IN} "$@"\n'
    )
    written.chmod(0o755)
    written.replace(launcher)
    return launcher
