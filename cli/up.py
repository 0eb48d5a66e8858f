"""`jellyfin-ha up`: from nothing to a running stack."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from jellyfin_ha.components.server_pod import SERVER_UID
from jellyfin_ha.infra.configuration import read_stack_file, settings_of
from jellyfin_ha.infra.parts import parts_of
from jellyfin_ha.infra.settings import Settings
from jellyfin_ha.lab import cluster, images, library, packages, toolchain
from jellyfin_ha.lab.cache import cache_folder
from jellyfin_ha.lab.cluster.host import check_root
from jellyfin_ha.operations.cluster import Access, Cluster
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import check_source
from jellyfin_ha.operations.readiness import wait_until_serving

from .checkout import Checkout
from .engine import Engine
from .overlay import lab_overlay, laid_over
from .stages import Stages
from .state import require_state

CLUSTER_KEYS = ("kubernetes:kubeconfig", "kubernetes:context")

SINGLE_NODE = "n3"
"""The node that clients are sent to: drills kill those of the servers."""


@dataclass(frozen=True)
class Started:
    """What `up` brought up.

    Args:
        settings: as they were used.
        changes: how many resources the update created, updated, left as they were ...
        context: of the cluster; None for the lab.
        sample: the lab's sample library, whether or not the stack was filled from it; None outside the lab.
    """

    settings: Settings
    changes: Mapping[str, int]
    context: str | None
    sample: library.SampleLibrary | None


def bring_up(checkout: Checkout, stages: Stages, *, stack: str, context: str | None) -> Started:
    """Brings the stack up, in the lab or, with a context, in an existing cluster.

    Raises:
        UserError: exit code 2 before anything was made, for what can be known before; 1 for what failed on the way.
    """
    committed = read_stack_file(checkout.stack_file(stack))
    # All that can be known to be wrong is said before anything is built or started.
    check_migration(settings_of(committed, origin=str(checkout.stack_file(stack))))
    check_cluster(checkout, committed, stack=stack, context=context)
    require_state(checkout.pulumi_folder)
    if context is None:
        binaries, overlay, sample = prepare_lab(checkout, stages)
    else:
        binaries, overlay = _existing(stages, committed, context)
        sample = None
    content = laid_over(committed, overlay)
    settings = settings_of(content, origin=f"Pulumi.{stack}.yaml with what `up` lays over it")
    engine = engine_of(checkout, binaries)
    engine.prepare(stack, content)
    stages.say("pulumi up ...")
    with stages.timed("pulumi up"):
        engine.up(stack)
    if settings.server.replicas > 0:
        with stages.stage("servers ready") as report:
            access = access_of(content, settings)
            # Whether this machine reaches the URL of somebody's cluster is not ours to know.
            url = settings.server.url if context is None else None
            asyncio.run(wait_until_serving(access, parts_of(stack).server, settings.server.replicas, report, url=url))
    return Started(settings=settings, changes=engine.changes(stack), context=context, sample=sample)


def check_migration(settings: Settings) -> None:
    """Looks at the file that a migration would read.

    Raises:
        UserError: exit code 2; it is missing or is no Jellyfin database.
    """
    if settings.migration is not None and settings.migration.source is not None:
        check_source(Path(settings.migration.source).expanduser())


def check_cluster(checkout: Checkout, committed: Mapping[str, object], *, stack: str, context: str | None) -> None:
    """Keeps a stack in the cluster that it was made in: Pulumi would make it anew in another, and delete the first.

    Raises:
        UserError: exit code 2; this run would go to another cluster than the last one, or than the stack file names.
    """
    own = cast(Mapping[str, object], committed.get("config", {}))
    named = [key for key in CLUSTER_KEYS if key in own]
    if context is None and named:
        raise UserError(
            f"{checkout.stack_file(stack).name} names a cluster by {', '.join(named)}: expected CONTEXT=<its context> "
            "beside it, found none, which means the lab",
            exit_code=2,
        )
    last = checkout.pulumi_folder / f"Pulumi.{stack}.yaml"
    if not last.is_file():
        return
    before = cast(Mapping[str, object], read_stack_file(last).get("config", {})).get("kubernetes:context")
    if before != context:
        raise UserError(
            f"stack {stack} was last run in {_cluster_name(before)}: expected the same, found "
            f"{_cluster_name(context)}. Give a stack for another cluster a name and a file of its own",
            exit_code=2,
        )


def _cluster_name(context: object) -> str:
    return f"the cluster of context {context}" if context else "the lab"


def engine_of(checkout: Checkout, binaries: toolchain.Toolchain) -> Engine:
    """Pulumi, as this checkout runs it."""
    plugins = checkout.pulumi_folder / "plugins"
    if binaries.built_engine:
        toolchain.write_launcher(plugins, Path(sys.executable))
    return Engine(
        pulumi=binaries.pulumi,
        environment=binaries.environment(Path(sys.executable), plugins),
        checkout=checkout.folder,
        folder=checkout.pulumi_folder,
    )


def access_of(stack_file: Mapping[str, object], settings: Settings) -> Access:
    """How to reach the cluster that a stack file, as it was run, names."""
    config = cast(Mapping[str, str], stack_file.get("config", {}))
    return Access(
        namespace=settings.namespace,
        kubeconfig=config.get("kubernetes:kubeconfig"),
        context=config.get("kubernetes:context"),
    )


def prepare_lab(
    checkout: Checkout, stages: Stages
) -> tuple[toolchain.Toolchain, dict[str, object], library.SampleLibrary]:
    """Brings the lab up; the toolchain, the settings to lay over a stack file, and the sample library."""
    instance = checkout.instance
    check_root()
    if missing := packages.missing_packages():
        stages.say(f"installing the Debian packages {', '.join(missing)}")
    with stages.stage("Debian packages") as report:
        packages.ensure(report)
    # Before the long work, as far as it can be known; it looks for programs that the packages bring.
    cluster.check_host(instance)
    with stages.stage("toolchain") as report:
        binaries = toolchain.ensure(report)
    with stages.stage("images") as report:
        built = {image.name: image for image in images.ensure(report)}
    with stages.stage("sample library") as report:
        sample = library.ensure(cache_folder(), report)
    with stages.stage("lab: three nodes") as report:
        pause = built["pause"].reference
        cluster.up(instance, binaries.bin, tuple(built.values()), pause, report)
    config = cluster.shared_folder(instance, "config", uid=SERVER_UID, gid=SERVER_UID)
    overlay = lab_overlay(
        kubeconfig=instance.kubeconfig,
        address=str(instance.node_address(SINGLE_NODE)),
        images={name: image.reference for name, image in built.items()},
        config_folder=config,
        media_folder=sample.media,
        source=sample.database,
        storage_class=cluster.STORAGE_CLASS,
        server_nodes={cluster.ROLE_LABEL: "server"},
        single_node={cluster.ROLE_LABEL: "single"},
    )
    return binaries, overlay, sample


def _existing(
    stages: Stages, committed: Mapping[str, object], context: str
) -> tuple[toolchain.Toolchain, dict[str, object]]:
    kubeconfig = cast(Mapping[str, str], committed.get("config", {})).get("kubernetes:kubeconfig")
    with stages.stage(f"cluster {context}"):
        asyncio.run(Cluster.connect(Access(namespace="default", kubeconfig=kubeconfig, context=context)))
    with stages.stage("Pulumi") as report:
        binaries = toolchain.ensure(report, parts=("engine",))
    return binaries, {"kubernetes:context": context}
