"""What other stacks rely on, checked as one of them would: by the published schema, not by this project's types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SCHEMA: Mapping[str, Any] = json.loads((Path(__file__).parents[1] / "docs" / "outputs.schema.json").read_text())

TYPES = {"object": dict, "string": str, "integer": int}
KEYWORDS = {"type", "const", "required", "properties", "additionalProperties"}
REMARKS = {"$schema", "title", "description"}


def faults(value: object, schema: Mapping[str, Any] = SCHEMA, where: str = "outputs") -> Iterator[str]:
    """Each way in which `value` is not what the schema says; knows the part of JSON Schema that ours uses."""
    assert schema.keys() <= KEYWORDS | REMARKS, f"{where}: teach this check {schema.keys() - KEYWORDS - REMARKS}"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: expected {schema['const']}, found {value!r}"
    if "type" in schema and (not isinstance(value, TYPES[schema["type"]]) or isinstance(value, bool)):
        yield f"{where}: expected {schema['type']}, found {value!r}"
    if not isinstance(value, dict):
        return
    yield from (f"{where}.{key}: missing" for key in schema.get("required", []) if key not in value)
    for key, part in value.items():
        inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
        yield from faults(part, inner, f"{where}.{key}")
