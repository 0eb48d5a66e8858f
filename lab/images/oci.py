"""Layers and a configuration become an OCI image, by umoci."""

import json
import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from ..commands import Command, output
from .recipe import Config

# The tag inside a layout; the image's full name goes into the archive's index.
TAG = "image"
# So that the same content has the same digest.
CREATED = "1970-01-01T00:00:00Z"
UMOCI_SECONDS = 600


def new_layout(layout: Path, layer: Path | None) -> None:
    """Make a layout folder with one image of one layer, or of none."""
    _umoci("init", "--layout", layout)
    _umoci("new", "--image", f"{layout}:{TAG}")
    if layer:
        add_layer(layout, layer)


def copy_layout(source: Path, target: Path) -> None:
    """Copy a layout; the blobs, which are never written again, are shared."""
    shutil.copytree(source / "blobs", target / "blobs", copy_function=os.link)
    for file in ("oci-layout", "index.json"):
        shutil.copy(source / file, target / file)


def add_layer(layout: Path, layer: Path) -> None:
    """Put a tar file on top of the layout's image."""
    _umoci("raw", "add-layer", "--no-history", "--image", f"{layout}:{TAG}", layer)


def configure(layout: Path, config: Config) -> None:
    """Give the layout's image its configuration."""
    options = [
        *_each("config.env", [f"{name}={value}" for name, value in config.env.items()]),
        *_each("config.entrypoint", config.entrypoint),
        *_each("config.cmd", config.cmd),
        *_each("config.exposedports", config.ports),
        *_each("config.volume", config.volumes),
        *_each("config.user", [config.user] if config.user else []),
        *_each("config.stopsignal", [config.stop_signal] if config.stop_signal else []),
        *_each("config.workingdir", [config.working_dir]),
    ]
    _umoci("config", "--no-history", "--created", CREATED, "--image", f"{layout}:{TAG}", *options)
    _umoci("gc", "--layout", layout)


def archive(layout: Path, reference: str, target: Path) -> None:
    """Write a layout as one tar file that `ctr images import` knows by `reference`."""
    file = layout / "index.json"
    index = cast(dict[str, Any], json.loads(file.read_text()))
    for manifest in index["manifests"]:
        manifest["annotations"] = {
            "io.containerd.image.name": reference,
            "org.opencontainers.image.ref.name": reference,
        }
    file.write_text(json.dumps(index))
    with tarfile.open(target, "w") as whole:
        for name in ("oci-layout", "index.json", "blobs"):
            whole.add(layout / name, name)


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [f"--{option}={value}" for value in values]


def _umoci(*arguments: str | Path) -> None:
    output(Command(["umoci", *arguments], what=f"umoci {arguments[0]}", seconds=UMOCI_SECONDS))
