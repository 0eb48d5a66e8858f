"""Changing single settings of an XML file as Jellyfin writes it, and no other byte of it.

Jellyfin's settings are the children of the root element: a text, or a list of `<string>`. Of an element that stands
there twice Jellyfin takes the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

Value = str | list[str]

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NEW_FILE = """\
<?xml version="1.0" encoding="utf-8"?>
<{root} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
</{root}>
"""


class Unreadable(ValueError):
    """Not a whole XML document, in UTF-8 and without a DTD, as Jellyfin writes them."""


@dataclass(frozen=True, slots=True)
class Change:
    """A setting whose value was not the declared one.

    Args:
        name: of the element.
        old: what was there; None when there was none, or nil.
        new: the declared value.
    """

    name: str
    old: Value | None
    new: Value


def merged(content: bytes | None, root: str, wanted: Mapping[str, Value]) -> tuple[bytes, tuple[Change, ...]]:
    """The file with the wanted values in it; all other bytes are kept, and all of them when nothing differs.

    Args:
        content: of the file; None when there is none yet.
        root: the name of its root element.
        wanted: the name of each declared element and its value.

    Raises:
        Unreadable: `content` is torn, or has another root element; a name or value that XML cannot hold.
    """
    before = _NEW_FILE.format(root=root).encode() if content is None else content
    document = _read(before)
    if document.name != root:
        raise Unreadable(f"expected the root element {root}, found {document.name}")
    newline = "\r\n" if b"\r\n" in before else "\n"
    edits: list[tuple[int, int, bytes]] = []
    added: list[str] = []
    changes: list[Change] = []
    for name, value in wanted.items():
        found = document.elements.get(name, [])
        old = found[0].value if found else None
        if len(found) == 1 and _same(old, value):
            continue
        text = _element(name, value, newline)
        if found:
            edits.append((found[0].start, found[0].end, text.encode()))
            edits.extend((element.start, element.end, b"") for element in found[1:])
        else:
            added.append(f"{newline}  {text}")
        if not _same(old, value):
            changes.append(Change(name, old, value))
    if added:
        edits.append(_insertion(before, document, added, newline))
    after = before
    for start, end, replacement in sorted(edits, reverse=True):
        after = after[:start] + replacement + after[end:]
    written = values(after)
    if any(not _same(written.get(name), value) for name, value in wanted.items()):
        raise Unreadable(f"expected names and values that XML can hold, found {dict(wanted)}")
    return after, tuple(changes)


def values(content: bytes) -> dict[str, Value | None]:
    """The settings in a file; None for one that is nil.

    Raises:
        Unreadable: it is torn.
    """
    return {name: found[0].value for name, found in _read(content).elements.items()}


@dataclass(slots=True)
class _Element:
    start: int
    nil: bool
    end: int = -1
    text: str = ""
    items: list[str] = field(default_factory=list[str])

    @property
    def value(self) -> Value | None:
        return None if self.nil else self.items or self.text.strip()


@dataclass(slots=True)
class _Document:
    """Byte offsets: `end` is that of the root's end tag, or the one after a root without content."""

    name: str = ""
    end: int = -1
    elements: dict[str, list[_Element]] = field(default_factory=dict[str, list[_Element]])


def _read(content: bytes) -> _Document:
    if content.startswith(_UTF16_MARKS):
        raise Unreadable("expected UTF-8, found UTF-16")
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise Unreadable(str(error)) from None
    return reader.document


class _Reader:
    def __init__(self) -> None:
        self.document = _Document()
        self._depth = 0
        self._element: _Element | None = None
        self.parser = expat.ParserCreate()
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.CommentHandler = self._ends
        self.parser.ProcessingInstructionHandler = self._ends
        self.parser.StartCdataSectionHandler = self._ends

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise Unreadable(f"expected UTF-8, found {encoding}")

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        raise Unreadable("expected no DTD, which Jellyfin refuses, found one")

    def _ends(self, *_: object) -> int:
        """Where we are, which is where the element before ends: the parser does not tell where end tags do."""
        here = self.parser.CurrentByteIndex
        if self._depth == 1 and self._element is not None:
            self._element.end = here
            self._element = None
        return here

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        here = self._ends()
        if self._depth == 0:
            self.document.name = name
        elif self._depth == 1:
            nil = any(key.endswith(":nil") and value in ("true", "1") for key, value in attributes.items())
            self._element = _Element(here, nil)
            self.document.elements.setdefault(name, []).append(self._element)
        elif self._depth == 2 and self._element is not None:
            self._element.items.append("")
        self._depth += 1

    def _end(self, name: str) -> None:
        here = self._ends()
        self._depth -= 1
        if self._depth == 0:
            self.document.end = here

    def _text(self, text: str) -> None:
        self._ends()
        if self._element is None:
            return
        if self._depth == 2:
            self._element.text += text
        elif self._depth == 3:
            self._element.items[-1] += text


def _same(found: Value | None, wanted: Value) -> bool:
    return found == wanted or (wanted == [] and found == "")


def _element(name: str, value: Value, newline: str) -> str:
    if not value:
        return f"<{name} />"
    if isinstance(value, str):
        return f"<{name}>{_escaped(value)}</{name}>"
    items = "".join(f"{newline}    <string>{_escaped(item)}</string>" for item in value)
    return f"<{name}>{items}{newline}  </{name}>"


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _insertion(content: bytes, document: _Document, added: list[str], newline: str) -> tuple[int, int, bytes]:
    """The edit that puts new elements behind all others."""
    lines = "".join(added)
    if content[document.end : document.end + 2] == b"</":
        start = len(content[: document.end].rstrip())
        return start, document.end, f"{lines}{newline}".encode()
    # A root without content ends with its start tag, `<Root />`.
    start = len(content[: document.end - len("/>")].rstrip())
    return start, document.end, f">{lines}{newline}</{document.name}>".encode()
