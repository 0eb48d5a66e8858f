"""Fixtures of several unit tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from .old_server import make


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The configuration folder of a single server."""
    return make(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Where the new servers will have theirs; not made yet."""
    return tmp_path / "new"


@pytest.fixture
def public() -> Generator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
