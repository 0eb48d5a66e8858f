"""What is done to a server's folders before it starts: the declared settings, and mending what was torn.

This package imports nothing but Python's standard library. `pulumi up` puts its files into a ConfigMap, and an init
container of every server's pod runs them as `python3 -m server_config` with any image that has Python 3.11 or newer.
"""

from pathlib import Path

from .declared import Declared
from .problem import CannotStart

__all__ = ["CannotStart", "Declared", "sources"]


def sources() -> dict[str, str]:
    """The files of this package by their names, as a ConfigMap holds them."""
    return {file.name: file.read_text("utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))}
