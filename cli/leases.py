"""`jellyfin-ha leases`: what is in the store of leases, and what a person may do to it."""

import json
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from jellyfin_ha.operations.errors import UserError

from .stages import Stages

if TYPE_CHECKING:
    from jellyfin_ha.operations.leases import Seen, Store

app = typer.Typer(
    help="Who leads, who transcodes what: the leases in Redis. Its password is in the URL, in "
    "JELLYFIN_HA_REDIS_PASSWORD, or in the file that JELLYFIN_HA_REDIS_PASSWORD_FILE names.",
    no_args_is_help=True,
)

# What is no terminal has no width; ids are long.
WIDTH_ELSEWHERE = 160

Redis = Annotated[
    str,
    typer.Option(
        help="redis://host:port, rediss:// for TLS, unix:///path, or redis+sentinel://host:26379/name-of-the-master",
        envvar="JELLYFIN_HA_REDIS",
        metavar="URL",
        show_envvar=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="for programs")]


@app.command()
def status(redis: Redis, as_json: Json = False) -> None:
    """Tell who leads, and every transcode session and live stream."""
    from jellyfin_ha.operations.leases import Endpoint, overview
    from jellyfin_ha.operations.leases.connection import explained
    from jellyfin_ha.operations.leases.opening import open_store

    from .lease_views import json_of, shown

    endpoint = Endpoint.from_environment(redis)
    # How many servers there are does not matter to who only reads.
    with open_store(endpoint, replicas=1) as store, explained(endpoint):
        found = store.walk(overview())
    if as_json:
        typer.echo(json.dumps(json_of(endpoint, found), indent=2))
    else:
        _console().print(shown(endpoint, found))


@app.command()
def seed(
    redis: Redis,
    role: Annotated[str, typer.Option(help="whose lease to prepare")] = "leader",
    memory_limit_bytes: Annotated[
        int | None, typer.Option(help="the limit of Redis's container: its maxmemory must be below", min=1)
    ] = None,
    as_json: Json = False,
) -> None:
    """See that a Redis can hold leases safely, and prepare it. A second time it changes nothing."""
    from jellyfin_ha.operations.leases import Endpoint
    from jellyfin_ha.operations.leases import seed as prepare

    from .lease_views import seed_json_of

    endpoint = Endpoint.from_environment(redis)
    if as_json:
        report = prepare(endpoint, role=role, memory_limit_bytes=memory_limit_bytes)
        typer.echo(json.dumps(seed_json_of(report), indent=2))
        return
    stages = Stages(Console(emoji=False))
    with stages.stage("lease store") as progress:
        report = prepare(endpoint, role=role, memory_limit_bytes=memory_limit_bytes, progress=progress)
    stages.say(report.summary())


@app.command()
def watch(redis: Redis, as_json: Json = False) -> None:
    """Show the status, every second anew, until Ctrl-C. Elsewhere than on a terminal: each change, as lines."""
    from jellyfin_ha.operations.leases import Endpoint, looks

    from .lease_watch import in_lines, in_place, jsons

    endpoint = Endpoint.from_environment(redis)
    console = _console()
    with suppress(KeyboardInterrupt), closing(looks(endpoint)) as seen:
        if as_json:
            jsons(endpoint, seen)
        elif console.is_terminal:
            in_place(console, endpoint, seen)
        else:
            in_lines(endpoint, seen)


@app.command()
def release(
    redis: Redis,
    role: Annotated[str | None, typer.Option(help="free a role, such as leader", metavar="NAME")] = None,
    session: Annotated[
        str | None, typer.Option(help="remove a transcode session, by its play session id", metavar="ID")
    ] = None,
    stream: Annotated[
        str | None, typer.Option(help="remove a live stream, for all that have it open", metavar="ID")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Free what a server holds that is gone for good. One that lives goes on until it next renews its lease."""
    from jellyfin_ha.operations.leases import Endpoint, seen_role, seen_session, seen_stream
    from jellyfin_ha.operations.leases.connection import explained
    from jellyfin_ha.operations.leases.opening import open_store

    from .lease_views import line_of, released_json_of

    asked = [(seen_role, role), (seen_session, session), (seen_stream, stream)]
    named = [(look, name) for look, name in asked if name is not None]
    if len(named) != 1:
        raise UserError(
            f"expected one of --role, --session and --stream, found {len(named) or 'none'} of them", exit_code=2
        )
    look, name = named[0]
    endpoint = Endpoint.from_environment(redis)
    with open_store(endpoint, replicas=1) as store, explained(endpoint):
        found = look(store, name)
        if not found:
            kind = next(word for word, given in (("role", role), ("session", session), ("stream", stream)) if given)
            raise UserError(f"expected somebody to hold {kind} {name!r}, found nobody: there is nothing to release")
        for one in found:
            typer.echo(line_of(one), err=as_json)
        if not yes and not sys.stdin.isatty():
            raise UserError(
                "expected --yes where nobody can be asked, found no terminal. Nothing was released", exit_code=2
            )
        if not yes and not typer.confirm("Free it?", err=as_json):
            raise UserError("nothing was released")
        freed = _free(store, found)
    if as_json:
        typer.echo(json.dumps({"released": [released_json_of(one) for one in freed]}, indent=2))
    else:
        typer.echo("released")


def _free(store: "Store", found: "list[Seen]") -> "list[Seen]":
    """Those that were freed.

    Raises:
        UserError: exit code 1; one is not what was seen any more.
    """
    freed: list[Seen] = []
    for one in found:
        if not store.do(one.free):
            done = f" Freed before it: {', '.join(done.what for done in freed)}." if freed else ""
            raise UserError(
                f"{one.what} is not as it was when it was looked at: it changed, or is free by now.{done} Look again, "
                "by `jellyfin-ha leases status`"
            )
        freed.append(one)
    return freed


def _console() -> Console:
    console = Console(emoji=False, highlight=False)
    return console if console.is_terminal else Console(emoji=False, highlight=False, width=WIDTH_ELSEWHERE)
