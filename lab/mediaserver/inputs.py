"""What a request brings: query and JSON body, their names in any case, lists by comma or repetition."""

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl
from uuid import UUID

from .wire import parse_guid, problem


class Query:
    """Query parameters. `ApiKey` and `api_key` stay two different ones."""

    def __init__(self, query_string: str) -> None:
        self.raw = query_string
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(query_string, keep_blank_values=True):
            self._values.setdefault(name.lower(), []).append(value)

    def text(self, name: str) -> str | None:
        """The first non-empty value."""
        return next((value for value in self._values.get(name.lower(), []) if value), None)

    def required(self, name: str) -> str:
        """The value, or a 400."""
        value = self.text(name)
        if value is None:
            raise problem(400, f"The {name} field is required.")
        return value

    def words(self, name: str) -> list[str]:
        """All values of a list, whether by comma or by repetition."""
        parts = [part for value in self._values.get(name.lower(), []) for part in value.split(",")]
        return [part.strip() for part in parts if part.strip()]

    def number(self, name: str) -> int | None:
        """An integer, or a 400."""
        value = self.text(name)
        return None if value is None else _integer(name, value)

    def flag(self, name: str, default: bool = False) -> bool:
        """`true` or `false` in any case, or a 400."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise problem(400, f"The value '{value}' is not valid for {name}.")
        return value.lower() == "true"

    def guid(self, name: str) -> UUID | None:
        """A GUID, or a 400."""
        value = self.text(name)
        return None if value is None else parse_guid(value)

    def guids(self, name: str) -> list[UUID]:
        """A list of GUIDs, or a 400."""
        return [parse_guid(value) for value in self.words(name)]


class Body:
    """A JSON object, its property names in any case."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    @classmethod
    def parse(cls, content: bytes) -> "Body":
        """Reads a request body; an empty one is an empty object.

        Raises:
            ApiError: 400, it is no JSON object.
        """
        if not content.strip():
            return cls({})
        try:
            value: object = json.loads(content)
        except ValueError:
            raise problem(400, "The body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise problem(400, "A JSON object is expected.")
        return cls({str(name): item for name, item in value.items()})

    def text(self, name: str) -> str | None:
        """A string, empty ones included."""
        value = self._values.get(name.lower())
        return None if value is None else str(value)

    def number(self, name: str) -> int | None:
        """An integer, also when written as a string, or a 400."""
        value = self._values.get(name.lower())
        return None if value is None or value == "" else _integer(name, str(value))

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean."""
        value = self._values.get(name.lower())
        return default if value is None else str(value).lower() == "true"

    def guid(self, name: str) -> UUID | None:
        """A GUID, or a 400."""
        value = self.text(name)
        return parse_guid(value) if value else None

    def words(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._values.get(name.lower())
        return [str(item) for item in value] if isinstance(value, list) else []

    def nested(self, name: str) -> "Body | None":
        """An object inside, or None."""
        value = self._values.get(name.lower())
        return Body({str(k): v for k, v in value.items()}) if isinstance(value, dict) else None

    def objects(self, name: str) -> "list[Body]":
        """A list of objects inside."""
        value = self._values.get(name.lower())
        items = value if isinstance(value, list) else []
        return [Body({str(k): v for k, v in item.items()}) for item in items if isinstance(item, dict)]


def _integer(name: str, value: str) -> int:
    try:
        return int(float(value)) if "." in value else int(value)
    except ValueError:
        raise problem(400, f"The value '{value}' is not valid for {name}.") from None
