"""Where a command may write its report."""

import os
from collections.abc import Iterable
from pathlib import Path

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


def _is_report(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(1) in (OPENING, b"")
