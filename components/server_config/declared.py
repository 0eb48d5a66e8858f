"""What is declared for a server, as its ConfigMap holds it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from .xml_file import Value


@dataclass(frozen=True, slots=True)
class XmlFile:
    """Settings in one of Jellyfin's XML files.

    Args:
        root: the name of its root element.
        elements: the declared settings; all others are left to those who set them in the dashboard.
    """

    root: str
    elements: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Declared:
    """All that is declared. Paths are below the server's data folder.

    Args:
        xml: files of which single settings are declared.
        texts: files whose whole content is declared.
        own: files whose whole content is declared, and of which each pod mounts a copy of its own.
    """

    xml: Mapping[str, XmlFile]
    texts: Mapping[str, str]
    own: Mapping[str, str]

    @classmethod
    def from_json(cls, text: str) -> "Declared":
        """Reads what `components.server_configuration.declared` wrote."""
        found = json.loads(text)
        return cls(
            xml={path: XmlFile(file["root"], file["elements"]) for path, file in found["xml"].items()},
            texts=found["texts"],
            own=found["own"],
        )
