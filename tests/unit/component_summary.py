"""What the component package offers to other languages, as lines that can be compared.

`python -m tests.unit.component_summary` writes the golden file anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jellyfin_ha.components.provider import Components

GOLDEN = Path(__file__).parent / "golden" / "components.txt"

Schema = Mapping[str, Any]


def own_schema() -> Schema:
    """The schema of the components of this checkout."""
    schema = Components().schema
    assert schema is not None
    return json.loads(schema)


def summary(schema: Schema) -> str:
    """One line for each argument, output and field: owner, direction, name, type; `?` is optional, `!` plain."""
    return "\n".join(sorted([*_lines(schema)])) + "\n"


def _lines(schema: Schema) -> Iterator[str]:
    for token, component in schema["resources"].items():
        yield from _properties(token, "takes", component.get("inputProperties", {}), component.get("requiredInputs"))
        yield from _properties(token, "gives", component.get("properties", {}), component.get("required"))
    for token, definition in schema["types"].items():
        yield from _properties(token, "holds", definition.get("properties", {}), definition.get("required"))


def _properties(token: str, verb: str, found: Schema, required: list[str] | None) -> Iterator[str]:
    for name, spec in found.items():
        mark = "" if name in (required or []) else "?"
        yield f"{_short(token)} {verb} {name}{mark}: {_type(spec)}"


def _type(spec: Schema) -> str:
    plain = "!" if spec.get("plain") else ""
    if "$ref" in spec:
        return _short(spec["$ref"]) + plain
    if spec["type"] == "array":
        return f"list of {_type(spec['items'])}{plain}"
    if spec["type"] == "object":
        return f"map of {_type(spec['additionalProperties'])}{plain}"
    return spec["type"] + plain


def _short(token: str) -> str:
    return token.rsplit(":", 1)[-1]


if __name__ == "__main__":
    GOLDEN.write_text(summary(own_schema()))
