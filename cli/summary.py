"""What `up` says at its end."""

import asyncio
import shlex

from rich.console import Console

from jellyfin_ha.infra.configuration import read_stack_file
from jellyfin_ha.infra.parts import parts_of
from jellyfin_ha.lab.library import SampleLibrary, SampleUser
from jellyfin_ha.operations.migration import check_source
from jellyfin_ha.operations.status import DeploymentStatus, read_status

from .checkout import Checkout
from .stages import Stages
from .status import show
from .up import Started, access_of

DEFAULT_STACK = "dev"
COMMAND_WIDTH = 38


def deployment_status(checkout: Checkout, started: Started, *, stack: str) -> DeploymentStatus:
    """What runs now."""
    stack_file = read_stack_file(checkout.pulumi_folder / f"Pulumi.{stack}.yaml")
    return asyncio.run(read_status(access_of(stack_file, started.settings), parts_of(stack)))


def show_summary(console: Console, checkout: Checkout, stages: Stages, started: Started, *, stack: str) -> None:
    """Prints the URL, the users, where each replica runs, the stages' times and what to try."""
    status = deployment_status(checkout, started, stack=stack)
    console.print()
    show(console, status, stack=stack, settings=started.settings)
    for user in _users(status, started.sample):
        console.print(f"user         {user.name}, password {user.password}", highlight=False)
    changed = {kind: count for kind, count in started.changes.items() if kind != "same"}
    counts = ", ".join(f"{count} to {kind}" for kind, count in changed.items()) or "none"
    console.print(f"changes      {counts}", highlight=False)
    console.print()
    console.print(stages.summary())
    console.print()
    console.print("\n".join(["try next:", *_next(started, stack)]), highlight=False, markup=False, soft_wrap=True)


def _users(status: DeploymentStatus, sample: SampleLibrary | None) -> tuple[SampleUser, ...]:
    """Who can log in, as far as it is known here: the sample's users, when the database was filled from it."""
    if sample is None or status.migration is None:
        return ()
    return sample.users if status.migration.source_fingerprint == check_source(sample.database) else ()


def _next(started: Started, stack: str) -> list[str]:
    """Commands that work where the stack runs, each with what it is for."""
    status, again, kubectl = "jellyfin-ha status", "make up", "kubectl"
    if stack != DEFAULT_STACK:
        status, again = f"{status} --stack {stack}", f"{again} STACK={stack}"
    if started.context is not None:
        context = shlex.quote(started.context)
        again, kubectl = f"{again} CONTEXT={context}", f"{kubectl} --context {context}"
    commands = [(status, "what runs where, now")]
    if started.context is None:
        commands.append(('eval "$(jellyfin-ha lab env)"', "kubectl and pulumi of this lab in your shell"))
    if started.settings.server.replicas > 0:
        commands.append((f"{kubectl} -n {started.settings.namespace} delete pod jellyfin-0", ""))
    commands.append((again, "again: nothing changes"))
    if started.context is None:
        commands.append(("make down | make purge", "stop and keep the data | remove everything"))
    return [f"  {command:<{COMMAND_WIDTH}} {meaning}".rstrip() for command, meaning in commands]
