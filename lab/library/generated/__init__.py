"""Databases of single servers as large as wanted, with the distribution of real ones."""

from .write import MINIMUM_ITEMS, write_sample_database

__all__ = ["MINIMUM_ITEMS", "write_sample_database"]
