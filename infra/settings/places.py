"""Finding a setting in the settings' schema, and saying in words what may stand there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from pydantic.config import JsonDict

from .schema import settings_schema


@dataclass(frozen=True)
class Place:
    """Where a value stands.

    Args:
        root: the whole schema, which references start from.
        schema: what may stand here.
    """

    root: JsonDict
    schema: JsonDict

    @classmethod
    def top(cls) -> Place:
        """Where the mapping of all settings stands."""
        root = settings_schema()
        return cls(root, root)

    def alternatives(self) -> Iterator[Place]:
        """What may stand here, one by one, but for nothing."""
        if "anyOf" in self.schema or "discriminator" in self.schema:
            for schema in cast(list[JsonDict], self.schema["anyOf" if "anyOf" in self.schema else "oneOf"]):
                yield from Place(self.root, schema).alternatives()
        elif "$ref" in self.schema:
            name = str(self.schema["$ref"]).removeprefix("#/$defs/")
            yield from Place(self.root, cast(dict[str, JsonDict], self.root["$defs"])[name]).alternatives()
        elif self.schema.get("type") != "null":
            yield self

    def tagged(self, part: str | int) -> Place | None:
        """The mapping that this value of the tag stands for."""
        for schema in (self.schema, *cast(list[JsonDict], self.schema.get("anyOf", []))):
            mapping = cast(dict[str, str], cast(JsonDict, schema.get("discriminator", {})).get("mapping", {}))
            if part in mapping:
                return Place(self.root, {"$ref": mapping[str(part)]})
        return None

    @property
    def keys(self) -> dict[str, Place]:
        """The settings of the mapping that stands here; none where none stands or its keys are free."""
        found: dict[str, list[JsonDict]] = {}
        for place in self.alternatives():
            for key, schema in cast(dict[str, JsonDict], place.schema.get("properties", {})).items():
                if schema not in found.setdefault(key, []):
                    found[key].append(schema)
        return {key: Place(self.root, _any_of(schemas)) for key, schemas in found.items()}

    @property
    def names(self) -> list[str]:
        """The keys that may be used here; none where any may."""
        named = [
            str(name)
            for place in self.alternatives()
            for name in cast(list[str], cast(JsonDict, place.schema.get("propertyNames", {})).get("enum", []))
        ]
        return [*self.keys, *named]

    @property
    def form_of_keys(self) -> str | None:
        """What a key here must be like, in words; None where any will do or they are named one by one."""
        rules = [cast(JsonDict, place.schema.get("propertyNames", {})) for place in self.alternatives()]
        return next((str(rule["patternErrorMessage"]) for rule in rules if "patternErrorMessage" in rule), None)

    def below(self, part: str | int) -> Place | None:
        """Where the value of a key, or an item of a list, stands; None when the schema knows none."""
        if part in self.keys:
            return self.keys[str(part)]
        name = "items" if isinstance(part, int) else "additionalProperties"
        schemas = [place.schema.get(name) for place in self.alternatives()]
        return next((Place(self.root, schema) for schema in schemas if isinstance(schema, dict)), None)

    @property
    def is_text(self) -> bool:
        """Whether nothing but a text may stand here."""
        return all(place.schema.get("type") == "string" for place in self.alternatives())

    @property
    def meaning(self) -> str:
        """What the value is for; the schema leaves it out where it says the same of the mapping itself."""
        return str(next(schema["description"] for schema in self._described() if "description" in schema))

    def _described(self) -> Iterator[JsonDict]:
        yield self.schema
        yield from (place.schema for place in self.alternatives())

    @property
    def form(self) -> str:
        """What may stand here, in words."""
        return " or ".join(dict.fromkeys(_form(place) for place in self.alternatives()))


def _any_of(schemas: list[JsonDict]) -> JsonDict:
    """One schema of a key that several mappings have; its meaning stands at the first of them."""
    if len(schemas) == 1:
        return schemas[0]
    first, *others = schemas
    said = {key: first[key] for key in ("description", "default") if key in first}
    if any(other.get("default") != first.get("default") for other in others):
        said.pop("default", None)
    return {"anyOf": [*schemas], **said}


def _form(place: Place) -> str:
    schema = place.schema
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    if "const" in schema or "enum" in schema:
        return _one_of([str(value) for value in cast(list[object], schema.get("enum", [schema.get("const")]))])
    match schema.get("type"):
        case "integer":
            return "a whole number" + _bounds(schema)
        case "number":
            return "a number" + _bounds(schema)
        case "boolean":
            return "true or false"
        case "array":
            item = place.below(0)
            least = " of one or more" if schema.get("minItems") else ""
            return f"a list{least}, one `- item` a line" + (f", each {item.form}" if item else "")
        case "object" if place.names:
            rule = f"; {schema['$comment']}" if "$comment" in schema else ""
            return f"a mapping with the keys {', '.join(place.names)}{rule}"
        case "object":
            return "a mapping, one `name: value` a line"
        case _:
            return "text"


def _bounds(schema: JsonDict) -> str:
    bounds = (("from", schema.get("minimum")), ("to", schema.get("maximum")))
    return "".join(f" {word} {bound}" for word, bound in bounds if bound is not None)


def _one_of(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"
