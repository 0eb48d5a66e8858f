"""Later versions of the reference server, as images of their own on the lab's nodes."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from jellyfin_ha.lab.cache import cache_folder
from jellyfin_ha.lab.cluster import sandbox
from jellyfin_ha.lab.cluster.images import import_missing
from jellyfin_ha.lab.commands import Command, output
from jellyfin_ha.lab.images import oci
from jellyfin_ha.lab.images.builder import Image, planned
from tests.e2e.conftest import ROOT, Stack


def later_version(lab: Stack, folder: Path, version: str, environment: Mapping[str, str]) -> str:
    """The reference of an image that is the lab's server with more in its environment, on every node.

    Args:
        lab: where.
        folder: an empty one, for the work.
        version: the image's tag.
        environment: what makes it another version.
    """
    (server,) = (image for image in planned(ROOT, cache_folder() / "images") if image.name == "mediaserver")
    layout = folder / "layout"
    with tarfile.open(server.archive) as whole:
        whole.extractall(layout, filter="data")
    index = json.loads((layout / "index.json").read_text())
    for manifest in index["manifests"]:
        manifest["annotations"] = {"org.opencontainers.image.ref.name": oci.TAG}
    (layout / "index.json").write_text(json.dumps(index))
    options = [f"--config.env={name}={value}" for name, value in environment.items()]
    command = ["umoci", "config", "--no-history", "--image", f"{layout}:{oci.TAG}", *options]
    output(Command(command, what="umoci config", seconds=60))
    image = Image("mediaserver", f"docker.io/lab/mediaserver:{version}", folder / "image.tar")
    oci.archive(layout, image.reference, image.archive)
    for node in lab.instance.node_names:
        inside = sandbox.find_init(lab.instance, node)
        assert inside is not None
        import_missing(inside.pid, node, [image], lambda _: None)
    return image.reference
