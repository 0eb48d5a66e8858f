"""Bringing images into a node without a registry."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from jellyfin_ha.operations.errors import UserError

from . import sandbox, waiting
from .commands import attempt, failure

CONTAINERD_SECONDS = 20.0
IMPORT_SECONDS = 300.0


class Image(Protocol):
    """An image in an archive."""

    @property
    def reference(self) -> str:
        """Its full name, as pods give it ("docker.io/lab/pause:1")."""
        ...

    @property
    def archive(self) -> Path:
        """An OCI or Docker archive that holds it under that name."""
        ...


def import_missing(inside: int, node: str, images: Sequence[Image], tell: Callable[[str], None]) -> None:
    """Imports those images whose names the node does not know.

    Args:
        inside: the node's pid 1.

    Raises:
        UserError: containerd does not answer, or an archive cannot be imported or holds another name.
    """
    present = _present(inside, node)
    for image in images:
        if image.reference in present:
            continue
        tell(f"importing {image.reference} on {node}")
        done = attempt(*_ctr(inside), "images", "import", str(image.archive), seconds=IMPORT_SECONDS)
        if done.returncode != 0:
            raise UserError(f"expected {node} to import {image.archive}, found: {failure(done)}")
        if image.reference not in _present(inside, node):
            raise UserError(f"expected {image.archive} to hold the image {image.reference}, found none of that name")


def _present(inside: int, node: str) -> set[str]:
    listed = attempt(*_ctr(inside), "images", "list", "--quiet")

    def answered() -> bool:
        nonlocal listed
        listed = attempt(*_ctr(inside), "images", "list", "--quiet")
        return listed.returncode == 0

    if listed.returncode != 0 and not waiting.until(answered, seconds=CONTAINERD_SECONDS):
        raise UserError(f"expected containerd of {node} to answer, found: {failure(listed)}")
    return set(listed.stdout.split())


def _ctr(inside: int) -> tuple[str, ...]:
    return (*sandbox.enter(inside), "ctr", "--namespace", "k8s.io")
