"""`jellyfin-ha lab`: the three-node Kubernetes on this machine."""

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from jellyfin_ha.lab import cluster, images, packages, toolchain
from jellyfin_ha.lab.library import MINIMUM_ITEMS, write_sample_database
from jellyfin_ha.operations.progress import Progress, silent

from .checkout import Checkout
from .stages import Stages

app = typer.Typer(help="The three-node Kubernetes on this machine.", no_args_is_help=True)
node = typer.Typer(help="One node of the lab: n1, n2 or n3.", no_args_is_help=True)
app.add_typer(node, name="node")

NodeName = Annotated[str, typer.Argument(help="n1, n2 or n3")]


@contextmanager
def _stage(title: str) -> Generator[Progress]:
    with Stages(Console(emoji=False)).stage(title) as report:
        yield report


@app.command("packages")
def install_packages() -> None:
    """Install the Debian packages that the lab and the tests need."""
    with _stage("Debian packages") as report:
        packages.ensure(report)


@app.command()
def up() -> None:
    """Start the lab without a stack in it."""
    from .up import prepare_lab

    prepare_lab(Checkout.find(), Stages(Console(emoji=False)))


@app.command()
def down() -> None:
    """Stop everything of this lab and keep its data."""
    with _stage("lab stopped, data kept") as report:
        cluster.down(Checkout.find().instance, report)


@app.command()
def purge() -> None:
    """Stop everything of this lab and remove its data."""
    with _stage("lab removed") as report:
        cluster.purge(Checkout.find().instance, report)


@app.command()
def status() -> None:
    """Which processes and nodes of the lab run."""
    found = cluster.status(Checkout.find().instance)
    table = Table("process", "pid", "running", box=None, pad_edge=False, header_style="dim")
    for process in found.processes:
        table.add_row(process.name, str(process.pid or "-"), _yes(process.running))
    console = Console(emoji=False)
    console.print(table)
    nodes = Table("node", "role", "address", "on", "ready", box=None, pad_edge=False, header_style="dim")
    for each in found.nodes:
        nodes.add_row(each.name, each.role, each.address or "-", _yes(each.on), _yes(each.ready))
    console.print(nodes)


@app.command()
def logs(process: Annotated[str, typer.Argument(help="a name from `jellyfin-ha lab status`")]) -> None:
    """Print the log of one process of the lab."""
    typer.echo(cluster.logs(Checkout.find().instance, process).read_text(errors="replace"), nl=False)


@app.command()
def env() -> None:
    """Print what a shell needs for kubectl and pulumi of this lab: eval "$(jellyfin-ha lab env)"."""
    from .up import engine_of

    checkout = Checkout.find()
    binaries = toolchain.ensure(silent)
    variables = {"KUBECONFIG": str(checkout.instance.kubeconfig), **engine_of(checkout, binaries).variables()}
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command("sample-db")
def sample_db(
    file: Annotated[Path, typer.Argument(help="the file to write; must not exist")],
    items: Annotated[int, typer.Option(help=f"films, episodes, tracks, folders …: {MINIMUM_ITEMS} or more")],
    seed: Annotated[int, typer.Option(help="another one gives another library")] = 1,
) -> None:
    """Write a jellyfin.db as a single server with so many items has it, for trying the migration at full size."""
    with _stage(f"{file} written") as report:
        counts = write_sample_database(file, items, seed, report)
    typer.echo(f"{sum(counts.values()):,} rows in {len(counts)} tables, {file.stat().st_size / 1e6:,.0f} MB")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


@node.command("stop")
def node_stop(name: NodeName) -> None:
    """Stop a node in order, as for maintenance."""
    with _stage(f"{name} stopped") as report:
        cluster.node_stop(Checkout.find().instance, name, report)


@node.command("kill")
def node_kill(name: NodeName) -> None:
    """Cut a node's power: its peers hear nothing more of it."""
    with _stage(f"{name} killed"):
        cluster.node_kill(Checkout.find().instance, name)


@node.command("start")
def node_start(name: NodeName) -> None:
    """Bring a stopped or killed node back."""
    instance = Checkout.find().instance
    with _stage(f"{name} started") as report:
        binaries = toolchain.ensure(report, parts=("cluster",)).bin
        built = {image.name: image for image in images.ensure(report)}
        every = tuple(built.values())
        cluster.node_start(instance, name, binaries, every, built["pause"].reference, report)
