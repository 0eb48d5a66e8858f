"""The one row that the schema itself brings: what UserData points to when its item is gone."""

from uuid import UUID

PLACEHOLDER_ID = UUID("00000000-0000-0000-0000-000000000001")
PLACEHOLDER_TYPE = "PLACEHOLDER"
PLACEHOLDER_NAME = "This is a placeholder item for UserData that has been detached from its original item"
