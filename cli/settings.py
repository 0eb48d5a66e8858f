"""`jellyfin-ha settings`: what a stack file may say, for editors and for readers."""

import json
from typing import Annotated

import typer

from jellyfin_ha.operations.errors import UserError

from .checkout import Checkout

SCHEMA = "docs/settings.schema.json"
PAGE = "docs/settings.md"

app = typer.Typer(help="What a Pulumi.<stack>.yaml may say, for editors and for readers.", no_args_is_help=True)

Write = Annotated[bool, typer.Option("--write", help="bring the checkout's copy up to date instead")]


@app.command()
def schema(write: Write = False) -> None:
    """Print the JSON schema of a Pulumi.<stack>.yaml."""
    from jellyfin_ha.infra.settings import stack_file_schema

    text = json.dumps(stack_file_schema(), indent=2, ensure_ascii=False)
    if write:
        (Checkout.find().folder / SCHEMA).write_text(f"{text}\n")
    else:
        typer.echo(text)


@app.command()
def reference(write: Write = False) -> None:
    """Print every setting with its default, meaning and legal form, as Markdown."""
    from jellyfin_ha.infra.settings import reference, with_reference

    if not write:
        typer.echo(reference())
        return
    page = Checkout.find().folder / PAGE
    try:
        page.write_text(with_reference(page.read_text()))
    except ValueError as error:
        raise UserError(f"{page}: {error}") from None
