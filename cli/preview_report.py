"""`jellyfin-ha preview-report`: what `pulumi preview --json` found, as a comment for people."""

from pathlib import Path
from typing import Annotated

import typer

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.preview import SETTING, Judgement, judge, read_preview, render


def preview_report_command(
    preview: Annotated[Path, typer.Argument(help="what `pulumi preview --json` has printed")],
    stack_file: Annotated[
        Path | None, typer.Option(help="the stack's Pulumi.<stack>.yaml, which may acknowledge a loss of data")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="a file for the report, in place of the terminal")] = None,
) -> None:
    """Tell in Markdown what a preview would change and what is dangerous about it."""
    judgement = judge(read_preview(preview), acknowledged=_acknowledged(stack_file) if stack_file else ())
    report = render(judgement)
    if output is None:
        typer.echo(report, nl=False)
    else:
        _write(output, report)
    _refuse(judgement)


def _acknowledged(stack_file: Path) -> list[str]:
    # Settings bring the components' libraries with them, which a report without them can do without.
    from jellyfin_ha.infra.configuration import read_stack_file, settings_of

    return settings_of(read_stack_file(stack_file), origin=str(stack_file)).acknowledge_data_loss


def _write(output: Path, report: str) -> None:
    try:
        output.write_text(report, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}", exit_code=2) from None


def _refuse(judgement: Judgement) -> None:
    """Exit code 1 for what must not be merged; the report says the same."""
    if judgement.preview.errors:
        raise UserError("expected a preview that succeeds, found one that failed: the report says why")
    if names := judgement.unacknowledged:
        raise UserError(
            f"expected no loss of data, found one of {', '.join(names)}: if it is wanted, add these names to {SETTING} "
            "in the stack file"
        )
