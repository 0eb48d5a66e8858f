"""The tables of the reference page."""

import json
from collections.abc import Iterator
from typing import cast

from .places import Place

BEGIN = "<!-- made by `jellyfin-ha settings reference --write` from infra/settings: begin -->"
END = "<!-- end -->"

HEAD = "| key | default | meaning | legal form |\n|---|---|---|---|"


def reference() -> str:
    """Every setting with its default, meaning and legal form, as Markdown: a table for each top-level mapping."""
    top = Place.top()
    single = {key: place for key, place in top.keys.items() if not place.keys}
    tables = ["\n".join([HEAD, *(_row(key, place, top) for key, place in single.items())])]
    for key, place in top.keys.items():
        if key not in single:
            rows = [HEAD, *_rows(key, place)]
            tables.append(f"### `{key}`\n\n{place.meaning}\n\n" + "\n".join(rows))
    return "\n\n".join(tables)


def with_reference(page: str) -> str:
    """The page with the present reference between its markers.

    Raises:
        ValueError: the page lacks a marker.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


def _rows(prefix: str, parent: Place) -> Iterator[str]:
    for key, place in parent.keys.items():
        name = f"{prefix}.{key}"
        if not place.keys:
            yield _row(name, place, parent)
            continue
        # A mapping whose being there says nothing has no row of its own.
        if _required(key, parent) or "anyOf" in place.schema:
            yield _row(name, place, parent)
        yield from _rows(name, place)


def _row(name: str, place: Place, parent: Place) -> str:
    key = name.rpartition(".")[2]
    cells = (f"`{name}`", _default(key, place, parent), place.meaning, place.form)
    return "| " + " | ".join(str(cell).replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def _default(key: str, place: Place, parent: Place) -> str:
    if _required(key, parent):
        return "required"
    if "default" not in place.schema:
        return "none"
    default = place.schema["default"]
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _required(key: str, parent: Place) -> bool:
    return any(key in cast(list[str], inner.schema.get("required", [])) for inner in parent.alternatives())
