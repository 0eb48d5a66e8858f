"""The status of a lease store, again and again: in place on a terminal, as lines elsewhere."""

import json
import time
from collections.abc import Iterator

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from jellyfin_ha.operations.leases import Away, Endpoint, Overview

from .lease_views import clean, facts_of, json_of, shown

Looks = Iterator[Overview | Away]


def in_place(console: Console, endpoint: Endpoint, looks: Looks) -> None:
    """Show the newest; while Redis is away, what was seen last."""
    newest: Group | None = None
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        for seen in looks:
            now = Text(time.strftime("%H:%M:%S  Ctrl-C ends"), style="dim")
            if isinstance(seen, Away):
                warning = Text(f"{seen.why} Away for {seen.seconds:.0f} s; this was seen before:", style="red")
                live.update(Group(warning, *([newest] if newest else []), now), refresh=True)
            else:
                newest = shown(endpoint, seen)
                live.update(Group(newest, now), refresh=True)


def in_lines(endpoint: Endpoint, looks: Looks) -> None:
    """A line for whatever is new, different or gone."""
    before: dict[str, str] = {}
    away = False
    for seen in looks:
        if isinstance(seen, Away):
            if not away:
                _say(seen.why)
            away = True
            continue
        if away:
            _say(f"Redis at {endpoint.place} answers")
            away = False
        facts = facts_of(seen)
        for name, state in facts.items():
            if before.get(name) != state:
                _say(f"{name}: {state}")
        for name in before.keys() - facts.keys():
            _say(f"{name}: gone")
        before = facts


def jsons(endpoint: Endpoint, looks: Looks) -> None:
    """One JSON object a line for every look."""
    for seen in looks:
        if isinstance(seen, Away):
            typer.echo(json.dumps({"away": seen.why, "seconds": round(seen.seconds, 1)}))
        else:
            typer.echo(json.dumps(json_of(endpoint, seen)))


def _say(line: str) -> None:
    typer.echo(f"{time.strftime('%H:%M:%S')} {clean(line)}")
