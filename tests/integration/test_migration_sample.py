"""The sample library that `make up` moves: every row, every value, seen from PostgreSQL back to SQLite."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from uuid import UUID

import pytest

from jellyfin_ha.lab.mediaserver.schema import load_model
from jellyfin_ha.operations.migration import migrate
from tests.integration.mediaserver_processes import sample_library
from tests.integration.migration_library import read_rows

pytestmark = pytest.mark.integration


def _as_sqlite_stores(value: object) -> object:
    if isinstance(value, UUID):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.strftime("%4Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        return json.dumps(value)
    return value


def _as_postgres_can_hold(value: object, pg_type: str) -> object:
    if value is None:
        return None
    if pg_type.startswith("timestamp"):
        whole, _, fraction = str(value).partition(".")
        return f"{whole}.{fraction.ljust(6, '0')[:6]}"
    if pg_type == "bigint[]":
        return json.dumps(json.loads(str(value)))
    return value


def test_every_row_of_the_sample_arrives_with_every_value(target: str) -> None:
    sample = sample_library()

    result = migrate(sample.database, target)

    source = sqlite3.connect(sample.database)
    source.row_factory = sqlite3.Row
    total = 0
    for table in load_model().tables:
        wanted = [
            {c.name: _as_postgres_can_hold(row[c.name], c.pg_type) for c in table.columns}
            for row in source.execute(f'SELECT * FROM "{table.name}"')  # noqa: S608
        ]
        found = [
            {name: _as_sqlite_stores(value) for name, value in row.items()} for row in read_rows(target, table.name)
        ]
        in_order = {"key": lambda row, key=table.primary_key: tuple(row[name] for name in key)}
        assert sorted(found, **in_order) == sorted(wanted, **in_order), table.name
        total += len(wanted)
    source.close()
    assert result.rows == total > 100
    assert len(read_rows(target, "Users")) == 2
    assert result.differences == ()
