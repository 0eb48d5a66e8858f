"""Files that say where the old server was, and XML that is none."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .documents import LIMIT_BYTES, Unreadable, read_document
from .inventory import Entry, Kind
from .settings import Finding, NewServers

XML = ".xml"
LINK_FILE = ".mblink"


def find_old_paths(entries: Iterable[Entry], homes: Sequence[str], new: NewServers) -> tuple[Finding, ...]:
    """Look into each XML and link file.

    Args:
        entries: what is copied.
        homes: what the old server's own folders may have been called.
        new: what the new ones are called; a home of that name is no news.
    """
    findings: list[Finding] = []
    moved = [home for home in dict.fromkeys(homes) if home != new.config]
    pattern = re.compile(b"|".join(_as_path(home) for home in moved)) if moved else None
    for entry in entries:
        suffix = Path(entry.path).suffix.lower()
        if entry.kind is not Kind.FILE or suffix not in (XML, LINK_FILE):
            continue
        path = Path(entry.source)
        if suffix == XML:
            document = read_document(path)
            if isinstance(document, Unreadable):
                findings.append(
                    Finding(entry.path, "not readable", document.reason, "copied as it is; a server may reset it")
                )
                continue
        found = pattern.search(_content(path)) if pattern else None
        if found:
            findings.append(
                Finding(
                    entry.path,
                    "path of the old server",
                    found.group().decode("utf-8", "replace"),
                    f"the new servers have that folder as {new.config}: change it there after the move",
                )
            )
    return tuple(findings)


def _as_path(home: str) -> bytes:
    """The path, but not as the beginning of another name nor below another folder."""
    return rb"(?<![\w./-])" + re.escape(home.encode("utf-8", "surrogateescape")) + rb"(?![\w.-])"


def _content(path: Path) -> bytes:
    with path.open("rb") as content:
        return content.read(LIMIT_BYTES)
