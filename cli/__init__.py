"""The command `jellyfin-ha`.

Commands import what they need when they run: those that work beside a large database keep the engine and the
cluster's libraries out of their memory.
"""

import asyncio
import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from jellyfin_ha.operations.errors import UserError

from . import lab, leases
from .adopt import adopt_command
from .checkout import Checkout
from .migrate import migrate_command
from .preview_report import preview_report_command
from .stages import Stages

app = typer.Typer(
    help="Jellyfin, highly available on Kubernetes.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.add_typer(lab.app, name="lab")
app.add_typer(leases.app, name="leases")
app.command("migrate")(migrate_command)
app.command("adopt")(adopt_command)
app.command("preview-report")(preview_report_command)

Stack = Annotated[str, typer.Option(help="the stack: its settings are in Pulumi.<stack>.yaml")]


@app.command()
def up(
    stack: Stack = "dev",
    context: Annotated[
        str | None, typer.Option(help="a context of your kubeconfig: use that cluster in place of the lab")
    ] = None,
) -> None:
    """Bring the stack up: in the lab, made if needed, or in a cluster of yours."""
    from .summary import show_summary
    from .up import bring_up

    console = Console(emoji=False)
    checkout = Checkout.find()
    stages = Stages(console)
    started = bring_up(checkout, stages, stack=stack, context=context)
    show_summary(console, checkout, stages, started, stack=stack)


@app.command()
def status(
    stack: Stack = "dev",
    as_json_: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Tell what runs where, and what the migration did."""
    from jellyfin_ha.infra.configuration import read_stack_file, settings_of
    from jellyfin_ha.infra.parts import parts_of
    from jellyfin_ha.lab import cluster
    from jellyfin_ha.operations.status import read_status

    from .status import as_json, show
    from .up import access_of

    checkout = Checkout.find()
    path = checkout.pulumi_folder / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        raise UserError(f"expected a stack {stack} that was brought up from this checkout, found none: run `make up`")
    stack_file = read_stack_file(path)
    settings = settings_of(stack_file, origin=str(path))
    access = access_of(stack_file, settings)
    if access.kubeconfig == str(checkout.instance.kubeconfig) and not cluster.status(checkout.instance).network:
        raise UserError("expected the lab to run, found it stopped: `make up` starts it with the data it has kept")
    found = asyncio.run(read_status(access, parts_of(stack)))
    if as_json_:
        typer.echo(json.dumps(as_json(found, stack=stack, settings=settings), indent=2))
    else:
        show(Console(emoji=False), found, stack=stack, settings=settings)


def main() -> None:
    """Runs the command; exit codes: 0 done, 1 refused or failed with nothing lost, 2 bad use or bad input."""
    try:
        app()
    except UserError as error:
        Console(stderr=True, emoji=False).print(
            f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        sys.exit(error.exit_code)
