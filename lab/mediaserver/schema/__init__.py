"""Jellyfin 10.11.11's database schema, as data (the CSV files) and as DDL for PostgreSQL and SQLite.

The CSV files state facts about the schema: every table, column, key and index, and the migration ids that a
server of this version records in `__EFMigrationsHistory`.
"""

from .model import Column, ForeignKey, Index, Model, Table, load_model
from .placeholder import PLACEHOLDER_ID, PLACEHOLDER_NAME, PLACEHOLDER_TYPE

__all__ = [
    "PLACEHOLDER_ID",
    "PLACEHOLDER_NAME",
    "PLACEHOLDER_TYPE",
    "Column",
    "ForeignKey",
    "Index",
    "Model",
    "Table",
    "load_model",
]
