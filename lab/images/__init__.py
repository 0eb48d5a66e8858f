"""The lab's images, built from Debian and PyPI packages and this checkout, without a registry and without Docker."""

from .builder import Image, ensure

__all__ = ["Image", "ensure"]
