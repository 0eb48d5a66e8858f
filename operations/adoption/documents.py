"""The old server's XML files, read with care."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

# Settings are some kilobytes; the playlist of a whole library some megabytes.
LIMIT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file is no XML that can be read, for people."""

    reason: str


def read_document(path: Path) -> ElementTree.Element | Unreadable:
    """The root element of an XML file, or why there is none."""
    try:
        if path.stat().st_size > LIMIT_BYTES:
            return Unreadable(f"larger than {LIMIT_BYTES >> 20} MiB")
        content = path.read_bytes()
        # Jellyfin writes none; entities of one's own are how a small file fills the memory.
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            return Unreadable("has a document type, which a server's file never has")
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        return Unreadable(f"is no XML: {error}")
    except (OSError, ValueError, LookupError) as error:
        return Unreadable(str(error))


def text_of(root: ElementTree.Element, name: str) -> str:
    """The text of a setting; those of a list's members, joined by commas; empty when there is none."""
    element = root.find(name)
    if element is None:
        return ""
    members = [(member.text or "").strip() for member in element if not len(member)]
    return ", ".join(member for member in members if member) if len(element) else (element.text or "").strip()
