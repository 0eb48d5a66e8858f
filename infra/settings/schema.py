"""The settings as a JSON schema, for editors and for the words of errors and of the reference page."""

from typing import cast

from pydantic.config import JsonDict
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema, WithDefaultSchema

from .model import PROJECT, Settings

# The newest draft that editors of YAML know completely. Beside a $ref it knows descriptions only.
DRAFT = "http://json-schema.org/draft-07/schema#"

OWN_PREFIX = f"{PROJECT}:"
KEY_OF_ANOTHER_PACKAGE = f"^(?!{OWN_PREFIX})[^:]+:.+$"


class _Plain(GenerateJsonSchema):
    """Without what tells a reader nothing: titles that repeat the key, defaults that are mappings or null."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        # As patternProperties, a key of another form would be right with any value.
        patterns = made.pop("patternProperties", None)
        if patterns and "keys_schema" in schema:
            (made["additionalProperties"],) = patterns.values()
            made["propertyNames"] = self.generate_inner(schema["keys_schema"])
        return made

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default") is None or isinstance(made["default"], dict):
            made.pop("default", None)
        return made


def settings_schema() -> JsonDict:
    """The schema of `Settings`, keys without the prefix."""
    return cast(JsonDict, Settings.model_json_schema(schema_generator=_Plain))


def stack_file_schema() -> JsonDict:
    """The schema of a whole Pulumi.<stack>.yaml.

    Keys of other packages may hold anything, secrets too; no key of this one takes a secret (`secure:`).
    """
    settings = settings_schema()
    properties = cast(JsonDict, settings["properties"])
    required = cast(list[str], settings["required"])
    return {
        "$schema": DRAFT,
        "title": "Settings of a jellyfin-ha stack",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "description": "The stack's configuration.",
                "type": "object",
                "required": [OWN_PREFIX + key for key in required],
                "properties": {
                    **{OWN_PREFIX + key: schema for key, schema in properties.items()},
                    "kubernetes:kubeconfig": {
                        "description": "The file that says how to reach the cluster; $KUBECONFIG when absent.",
                        "type": "string",
                    },
                    "kubernetes:context": {
                        "description": "Its context; the current one when absent. `make up` takes CONTEXT= instead.",
                        "type": "string",
                    },
                },
                "patternProperties": {KEY_OF_ANOTHER_PACKAGE: {}},
                "additionalProperties": False,
            },
            "encryptionsalt": {"description": "Written by Pulumi.", "type": "string"},
            "encryptedkey": {"description": "Written by Pulumi.", "type": "string"},
            "secretsprovider": {"description": "Where Pulumi encrypts secrets.", "type": "string"},
            "environment": {"description": "Pulumi ESC environments that are laid under this configuration."},
        },
        "$defs": settings["$defs"],
    }
