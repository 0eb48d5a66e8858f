"""Fixtures of several unit tests."""

from __future__ import annotations

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
