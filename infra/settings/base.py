"""What every part of the settings is written with: the model's ways, and the forms that texts and numbers may have."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo


def _text_of_number(value: object) -> object:
    """YAML reads `cpu: 2` as a number, which is a quantity as well."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _no_truth(value: object) -> object:
    """YAML reads `yes` as true, which pydantic would take for 1."""
    if isinstance(value, bool):
        raise ValueError("a truth value is no number")
    return value


def none_of_nothing(value: object) -> object:
    """Pulumi hands a key without a value to the program as an empty text."""
    return None if value in ({}, "") else value


def text(pattern: str, form: str) -> FieldInfo:
    """A text's pattern, and its legal form in the words that errors, editors and the reference page have for it.

    patternErrorMessage is what VS Code and the YAML language server say in place of the pattern.
    """
    return cast(FieldInfo, Field(pattern=pattern, json_schema_extra={"patternErrorMessage": form}))


QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|Mi|Gi|Ti|M|G|T)?$"
Quantity = Annotated[
    str,
    BeforeValidator(_text_of_number),
    Field(pattern=QUANTITY),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "minimum": 0,
            "pattern": QUANTITY,
            "patternErrorMessage": "an amount such as 500m, 2, 512Mi or 10Gi",
        }
    ),
]
DnsLabel = Annotated[
    str,
    text(
        r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        "a name of small letters, digits and inner hyphens, 63 characters at most",
    ),
]
DnsName = Annotated[
    str,
    text(
        r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$",
        "a name of small letters, digits, inner hyphens and dots, 253 characters at most",
    ),
]
ImageReference = Annotated[str, text(r"^\S+$", "an image such as postgres:17, without spaces")]
Url = Annotated[
    str,
    text(
        # No user and password: the URL is shown to everybody.
        r"^https?://[^/\s@]+(/\S*[^/\s])?$",
        "a URL such as https://jellyfin.example.org, without a slash at its end and without a password",
    ),
]
Folder = Annotated[str, text(r"^/", "a full path such as /pool/media")]
Host = Annotated[str, text(r"^[^\s/]+$", "a host's name or address, such as nas.home.arpa")]
NoTruth = BeforeValidator(_no_truth)


class Model(BaseModel):
    """Keys are written in camelCase, unknown ones are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        validate_by_name=False,
        use_attribute_docstrings=True,
    )
