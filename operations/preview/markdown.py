"""A judged preview as a comment below a pull request."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from .changes import Change, Property
from .digest import Diagnostic
from .judgement import Judgement, Risk
from .properties import cut, without_credentials
from .rules import Flag

LIMIT: Final = 65_000
"""Characters of a report, as UTF-16 counts them. GitHub refuses a comment of more than 65,536 characters."""

# What says at the end what was left out; its numbers are short.
RESERVE: Final = 500

NAME_CHARACTERS: Final = 120
WORDS_CHARACTERS: Final = 1_000
ERROR_CHARACTERS: Final = 3_000
ERRORS: Final = 5
PROPERTIES: Final = 40
STALE: Final = 20

SETTING: Final = "jellyfin-ha:acknowledgeDataLoss"

DONE: Final = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
UNCHANGED: Final = "same"


def marker(stack: str) -> str:
    """The first line of every report on a stack, invisible in a comment, by which the comment is found again."""
    return f"<!-- jellyfin-ha: preview of {_plain(stack)} -->"


def render(judgement: Judgement) -> str:
    """The report, the most important first, at most LIMIT characters."""
    page = _Page([marker(judgement.preview.stack), "", f"## {_summary(judgement)}", ""])
    page.add_all(_head(judgement))
    risks, changes = judgement.risks, judgement.changes
    risks_left_out = page.add_all(_risk(risk) for risk in risks)
    page.add("")
    changes_left_out = page.add_all(_blocks(changes))
    left_out = [
        f"{count} of {len(whole)} {what}"
        for count, whole, what in ((risks_left_out, risks, "risks"), (changes_left_out, changes, "changes"))
        if count
    ]
    if left_out:
        page.end(
            f"*Left out, to fit into a comment: the last {' and '.join(left_out)}. `pulumi preview --diff` has all.*"
        )
    return page.text()


class _Page:
    """Lines, as long as there is room; nothing follows what had none."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._room = LIMIT - RESERVE - sum(map(_length, lines))
        self._full = False

    def add(self, text: str) -> bool:
        self._full = self._full or _length(text) > self._room
        if not self._full:
            self._room -= _length(text)
            self._lines.append(text)
        return not self._full

    def add_all(self, texts: Iterable[str]) -> int:
        """Adds what there is room for; how many there was none for."""
        return sum(not self.add(text) for text in texts)

    def end(self, text: str) -> None:
        self._lines.extend(["", text])

    def text(self) -> str:
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).rstrip() + "\n"


def _length(text: str) -> int:
    """With the line's end. A character outside the basic plane counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 + 1


def _summary(judgement: Judgement) -> str:
    counts = Counter(DONE.get(change.operation, change.operation) for change, _ in judgement.changes)
    order = [*DONE.values(), *sorted(counts.keys() - set(DONE.values()))]
    told = [f"{counts[done]} {_plain(done)}" for done in order if counts[done]] or ["no change"]
    told.append(f"{judgement.preview.change_summary.get(UNCHANGED, 0)} unchanged")
    flags = Counter(risk.flag for risk in judgement.risks)
    risks = ", ".join(f"{flags[flag]} × {flag}" for flag in Flag if flags[flag]) or "no known risk"
    failed = " failed; so far" if judgement.preview.errors else ""
    stack = _code(judgement.preview.stack) if judgement.preview.stack else "a stack"
    return f"Preview of {stack}{failed}: {', '.join(told)}; {risks}"


def _head(judgement: Judgement) -> Iterable[str]:
    errors = judgement.preview.errors
    for error in errors[:ERRORS]:
        yield _error(error)
    if len(errors) > ERRORS:
        yield f"... and {len(errors) - ERRORS} errors more.\n"
    if judgement.unacknowledged:
        yield (
            f"**Data would be lost.** If that is wanted, say so by adding the names below to {_code(SETTING)} in the "
            "stack file.\n"
        )
    if judgement.stale:
        names = ", ".join(map(_code, judgement.stale[:STALE])) + (", ..." if len(judgement.stale) > STALE else "")
        yield f"{_code(SETTING)} names what loses no data here: {names}. Remove it: it would hide a later loss.\n"


def _error(error: Diagnostic) -> str:
    # A traceback tells its cause at its end.
    text = without_credentials(re.sub(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>", "", error.message)).strip()
    text = text if len(text) <= ERROR_CHARACTERS else f"…{text[-ERROR_CHARACTERS:]}"
    return f"**Error**\n{_fenced('', text.splitlines())}"


def _risk(risk: Risk) -> str:
    done = DONE.get(risk.change.operation, risk.change.operation)
    acknowledged = " (acknowledged)" if risk.acknowledged else ""
    words = _plain(cut(risk.words, WORDS_CHARACTERS))
    what = f"{_plain(risk.change.kind)} {_code(risk.change.name)}"
    return f"- **{risk.flag}**{acknowledged}: {what} is {_plain(done)}: {words}."


def _blocks(changes: Sequence[tuple[Change, tuple[Risk, ...]]]) -> Iterable[str]:
    """One text for each change, those of one component together, the component of the worst first."""
    by_component: dict[str, list[tuple[Change, tuple[Risk, ...]]]] = {}
    for change, risks in changes:
        by_component.setdefault(change.component, []).append((change, risks))
    for component, its in by_component.items():
        heading = f"### {_plain(cut(component, NAME_CHARACTERS))}\n\n"
        for change, risks in its:
            yield heading + _change(change, risks)
            heading = ""


def _change(change: Change, risks: Sequence[Risk]) -> str:
    flags = ", ".join(dict.fromkeys(risk.flag for risk in risks))
    title = f"**{_plain(change.operation)}** {_plain(change.kind)} {_code(change.name)}" + (
        f" — {flags}" if flags else ""
    )
    if not change.properties:
        return f"{title}\n"
    lines = [line for found in change.properties[:PROPERTIES] for line in _property(found)]
    more = len(change.properties) - PROPERTIES
    if more > 0:
        lines.append(f"... and {more} properties more")
    return f"{title}\n{_fenced('diff', lines)}"


def _property(found: Property) -> Iterable[str]:
    path = cut(_line(found.path), NAME_CHARACTERS) + (" (forces the replacement)" if found.replaces else "")
    if found.old is None:
        yield f"+ {path}: {found.new}"
    elif found.new is None:
        yield f"- {path}: {found.old}"
    else:
        yield f"! {path}: {found.old} → {found.new}"


def _fenced(language: str, lines: Sequence[str]) -> str:
    """Lines as they are; the fence is longer than any in them."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join(["", f"{fence}{language}", *lines, fence, ""])


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _code(text: str) -> str:
    """A name as code, which Markdown leaves alone."""
    quoted = cut(_line(text), NAME_CHARACTERS).replace("`", "'")
    return f"`{quoted}`"


def _plain(text: str) -> str:
    """A text of one line that is neither Markdown, HTML nor a mention of somebody."""
    return re.sub(r"([\\`*_\[\]<>|#@~])", r"\\\1", _line(text))
