"""`jellyfin-ha migrate`: a library from SQLite to PostgreSQL, and back."""

from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import REPORT_VERSION, Options, RefusedError, migrate
from jellyfin_ha.operations.migration.reverse import reverse
from jellyfin_ha.operations.progress import Progress

from .interrupts import interruptible
from .report_file import require_report_file, write_refusal, write_report
from .stages import Stages


class _Result(Protocol):
    """What either way tells."""

    def report(self) -> dict[str, object]: ...

    def summary(self) -> str: ...


def migrate_command(
    sqlite: Annotated[
        Path, typer.Option(help="the old server's data/jellyfin.db; with --reverse the file to make", metavar="FILE")
    ],
    postgres: Annotated[
        str,
        typer.Option(
            help="postgresql://user@host:port/database or key=value pairs; the password may be in PGPASSWORD or "
            "~/.pgpass instead",
            envvar="JELLYFIN_HA_POSTGRES",
            metavar="URL",
            show_envvar=True,
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="do everything, verify it, and roll it back")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="overwrite the library that the target holds")] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="cut text that is too long, clear references that lead nowhere, leave out rows that must have one; "
            "each is listed in full in the report",
        ),
    ] = False,
    back: Annotated[
        bool, typer.Option("--reverse", help="the way back: write PostgreSQL's content into a new jellyfin.db")
    ] = False,
    like: Annotated[
        Path | None,
        typer.Option(
            help="with --reverse: a jellyfin.db of the same server version, for its schema; the old server's, or "
            "one that a new server made",
            metavar="FILE",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="write everything that was done, or what is wrong, as JSON", metavar="FILE")
    ] = None,
) -> None:
    """Move a single server's library into PostgreSQL: every row, every value, or nothing at all."""
    if report is not None:
        require_report_file(report, (sqlite, *([like] if like else [])))
    if back and (replace or repair):
        raise UserError("--replace and --repair do not go with --reverse: it only makes new files", exit_code=2)
    if back != (like is not None):
        raise UserError("expected --reverse and --like together: the new file's schema is that of another", exit_code=2)
    stages = Stages(Console(emoji=False))

    def run(progress: Progress) -> _Result:
        if like is not None:
            return reverse(postgres, sqlite, like, dry_run=dry_run, progress=progress)
        options = Options(replace=replace, repair=repair)
        return migrate(sqlite, postgres, options=options, dry_run=dry_run, progress=progress)

    try:
        with (
            interruptible(_when_interrupted(sqlite if back else None)) as interrupts,
            stages.stage("way back" if back else "migration") as progress,
        ):
            result = run(interrupts.noticed_in(progress))
    except UserError as error:
        raise (error if report is None else write_refusal(report, _refusal(error), error)) from None
    stages.say(result.summary())
    if report is not None:
        try:
            write_report(report, result.report())
        except OSError as error:
            raise UserError(
                f"cannot write the report {report}: {error.strerror}. What is told above is done and stays so. "
                + _report_later(back=back, dry_run=dry_run)
            ) from error
        stages.say(f"report: {report}")


def _when_interrupted(new_file: Path | None) -> str:
    if new_file is not None:
        return f"PostgreSQL was only read; {new_file} is complete if it is there"
    return (
        "The target is as it was, or, when the answer to the commit was on its way, complete: run the command again, "
        "it tells"
    )


def _report_later(*, back: bool, dry_run: bool) -> str:
    if dry_run:
        return "Run the trial again when there is room."
    if back:
        return "Only the report is missing."
    return "Run the command again without --replace: it does nothing but write the report."


def _refusal(error: UserError) -> dict[str, object]:
    """The report of a failure."""
    problems = error.problems if isinstance(error, RefusedError) else ()
    return {"report_version": REPORT_VERSION, "outcome": "refused", "error": str(error), "problems": list(problems)}
