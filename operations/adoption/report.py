"""The report for programs. docs/adoption.md describes it."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ..errors import UserError
from .media import PathCheck
from .naming import shown
from .plugin_databases import MEANING
from .selection import Group
from .surveying import Survey
from .transfer import Outcome

REPORT_VERSION = 1


def as_report(survey: Survey, outcome: Outcome | None, error: str | None = None) -> Mapping[str, object]:
    """What was found and done, in JSON's types.

    Args:
        survey: what was found.
        outcome: what was done, or None when nothing was.
        error: why the copying ended early, or None.
    """
    refused = bool(survey.refusals) or error is not None
    files = survey.selection.files
    return {
        "report_version": REPORT_VERSION,
        "status": "refused" if refused else "done" if outcome else "dry-run",
        "refusals": [*survey.refusals, *([error] if error else [])],
        "server": {"id": survey.server_id, "name": survey.server_name},
        "source": {
            "layout": survey.layout.kind,
            "data": str(survey.layout.data),
            "config": str(survey.layout.config),
        },
        "target": str(survey.destination.folder),
        "set_aside": [move.place for move in (*survey.destination.moved, *survey.destination.moves)],
        "selected": {"files": len(files), "bytes": sum(entry.size for entry in files)},
        "copied": {"files": outcome.files, "bytes": outcome.size, "known": outcome.known} if outcome else None,
        "by_rule": _groups(survey.selection.by_rule),
        "unnamed": _groups(survey.selection.unnamed),
        "left_out": _groups(survey.selection.left_out),
        "plugin_databases": [
            {"path": found.path, "plugin": found.plugin, "bytes": found.size, "meaning": MEANING}
            for found in survey.plugin_databases
        ],
        "findings": [asdict(finding) for finding in survey.findings],
        "media": _media(survey.paths),
        "notes": list(survey.notes),
    }


def write_report(path: Path, content: Mapping[str, object]) -> None:
    """Write the report, whole or not at all.

    Raises:
        UserError: it cannot be written there.
    """
    part = path.with_name(path.name + ".part")
    try:
        # ASCII: bytes of file names that are not UTF-8 come as escaped surrogates, \\udc80 to \\udcff.
        part.write_text(json.dumps(content, indent=2) + "\n", "ascii")
        part.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(
                f"cannot write the report {shown(str(path))}: {error.strerror}. What was copied is kept: run this "
                "again, with another --report."
            ) from error
        raise


def _groups(groups: Sequence[Group]) -> list[dict[str, object]]:
    return [{"path": group.path, "files": group.files, "bytes": group.size, "reason": group.reason} for group in groups]


def _media(paths: PathCheck) -> Mapping[str, object]:
    return {
        "checked": paths.checked,
        "note": paths.note,
        "outside": [asdict(group) for group in paths.outside],
        "missing": [asdict(group) for group in paths.missing],
        "own": paths.own,
        "home": paths.home,
    }
