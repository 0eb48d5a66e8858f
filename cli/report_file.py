"""Where a command may write its report, and how it comes to be there. The pages in docs/ describe what is in it."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from jellyfin_ha.operations.adoption import shown
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration.image import beside

# Any report is a JSON object.
OPENING = b"{"


def require_report_file(report: Path, inputs: Iterable[Path] = ()) -> None:
    """Fails before the work rather than after it, and before somebody's file is lost.

    Args:
        report: what --report names.
        inputs: databases that the command reads or writes.

    Raises:
        UserError: exit code 2; no file that can be written, one of the command's own, or one that is no report.
    """
    taken = {path.resolve() for path in inputs}
    taken |= {beside(path, suffix) for path in inputs for suffix in ("-wal", "-shm", "-journal")}
    try:
        if report.resolve() in taken:
            raise UserError(f"expected another file for --report than {report}, which is a database", exit_code=2)
        if report.exists() and not (report.is_file() and _is_report(report)):
            raise UserError(
                f"expected a new file or an earlier report for --report, found something else at {report}", exit_code=2
            )
        if not report.parent.is_dir() or not os.access(report.parent, os.W_OK):
            raise UserError(f"expected a file that can be written for --report, found {report}", exit_code=2)
    except OSError as error:
        raise UserError(f"cannot look at {report}: {error.strerror}", exit_code=2) from error


def write_report(report: Path, content: Mapping[str, object]) -> None:
    """Writes a report, whole or not at all.

    Args:
        report: what `require_report_file` has let pass.
        content: in JSON's types. Bytes of names that are not UTF-8 come as the escapes of lone surrogates.

    Raises:
        OSError: it cannot be written there; what was there is as it was.
    """
    draft = report.with_name(f".{report.name}.{os.getpid()}")
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    try:
        # What only a lone surrogate needs, in the form that is JSON's as well.
        draft.write_bytes(text.encode("utf-8", "backslashreplace"))
        draft.replace(report)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def write_refusal(report: Path, content: Mapping[str, object], error: UserError) -> UserError:
    """Reports a failure.

    Args:
        report: see `write_report`.
        content: likewise.
        error: the failure.

    Returns:
        What to raise: the failure, which also says when it could not be reported.
    """
    try:
        write_report(report, content)
    except OSError as another:
        words = f"{error}\nNor could the report {shown(str(report))} be written: {another.strerror}."
        return UserError(words, exit_code=error.exit_code)
    return error


def _is_report(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(1) in (OPENING, b"")
