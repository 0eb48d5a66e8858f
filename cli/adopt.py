"""`jellyfin-ha adopt`: a single server's configuration folder for the new servers."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jellyfin_ha.operations import adoption
from jellyfin_ha.operations.errors import UserError

from .adopt_summary import show_outcome, show_survey
from .interrupts import interruptible
from .report_file import require_report_file, write_refusal, write_report
from .stages import Stages

KEEP = "keep"
NOTHING_WRITTEN = "Nothing was written"
RESUMABLE = (
    "The old folder is as it was; what has been copied is whole and kept. Run the command again, it goes on from "
    "there; start no server on the new folder before it has gone through"
)


def adopt_command(
    source: Annotated[
        Path, typer.Option("--from", help="the old server's folder: what is behind /config, or its data folder")
    ],
    target: Annotated[Path, typer.Option("--to", help="the new servers' configuration folder, as it is mounted here")],
    config: Annotated[
        Path | None, typer.Option("--from-config", help="the old configuration folder, if it lies elsewhere")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say everything, write nothing")] = False,
    media: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH[=HERE]", help="where the new servers have media, and that folder here"),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="UID:GID", help="whom the copies belong to; keep leaves it to this user")
    ] = None,
    accept_paths: Annotated[bool, typer.Option("--accept-paths", help="go on although media lie elsewhere")] = False,
    leave_out_links: Annotated[
        bool, typer.Option("--leave-out-links", help="go on without what links outside the folder lead to")
    ] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="for programs, --dry-run or not")] = None,
) -> None:
    """Copy a single server's identity, settings, images and plugins to the new servers' volume.

    The old folder is never changed, and the database is not part of this.
    """
    from jellyfin_ha.components.server_pod import CACHE, CONFIG, SERVER_UID, TRANSCODE
    from jellyfin_ha.infra.stack import MEDIA

    belongs_to = _owner(owner, default=SERVER_UID)
    request = adoption.Request(
        source=source.expanduser(),
        config=config.expanduser() if config else None,
        target=target.expanduser(),
        new=adoption.NewServers(config=CONFIG, transcode=TRANSCODE, cache=CACHE),
        media=tuple(adoption.parse_media(each) for each in media or [MEDIA]),
        accept_paths=accept_paths,
        leave_out_links=leave_out_links,
        owner=belongs_to,
    )
    report = report.expanduser() if report else None
    console = Console(emoji=False)
    stages = Stages(console)
    with interruptible(NOTHING_WRITTEN) as interrupts:
        with stages.stage("old and new folder looked at") as progress:
            found = adoption.survey(request, interrupts.noticed_in(progress))
        if report is not None:
            require_report_file(report)
            _require_elsewhere(report, found)
        show_survey(console, found, belongs_to)
        interrupts.notice()
    outcome = None
    try:
        if not dry_run and not found.refusals:
            with (
                interruptible(RESUMABLE) as interrupts,
                stages.stage("copied, read back and compared") as progress,
            ):
                outcome = adoption.run(found, owner=belongs_to, report=interrupts.noticed_in(progress))
    except UserError as error:
        if report is None:
            raise
        raise write_refusal(report, adoption.as_report(found, None, str(error)), error) from None
    content = adoption.as_report(found, outcome)
    if found.refusals:
        refusal = UserError("nothing was copied:\n" + "\n".join(f"- {reason}" for reason in found.refusals))
        raise refusal if report is None else write_refusal(report, content, refusal)
    show_outcome(stages, found, outcome)
    if report is not None:
        try:
            write_report(report, content)
        except OSError as error:
            raise UserError(
                f"cannot write the report {adoption.shown(str(report))}: {error.strerror}. What is told above is so. "
                "Run the command again when there is room: it does nothing but write the report."
            ) from error
        stages.say(f"report: {adoption.shown(str(report))}")


def _owner(text: str | None, *, default: int) -> adoption.Owner | None:
    if text is None:
        return adoption.Owner(default, default) if os.geteuid() == 0 else None
    return None if text == KEEP else adoption.parse_owner(text)


def _require_elsewhere(report: Path, found: adoption.Survey) -> None:
    place = report.absolute().parent.resolve()
    for folder in (found.layout.data, found.layout.config, found.destination.folder):
        if place == folder or folder in place.parents:
            raise UserError(
                f"expected --report outside the old and the new folder, found it in {adoption.shown(str(folder))}",
                exit_code=2,
            )
