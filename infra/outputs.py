"""The contract that other stacks read; docs/outputs.md tells it to them, docs/outputs.schema.json to their programs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from jellyfin_ha.components.wire import with_integers

CONTRACT_VERSION = 1


class Service(TypedDict):
    """The Service for clients."""

    name: str
    port: int


class Selectors(TypedDict):
    """The pod labels of each part."""

    server: Mapping[str, str]
    database: NotRequired[Mapping[str, str]]
    lease_store: NotRequired[Mapping[str, str]]


class Secrets(TypedDict):
    """The names of the Kubernetes Secrets with each part's credentials."""

    database: NotRequired[str]
    lease_store: NotRequired[str]


class Volumes(TypedDict):
    """The names of the claims that all servers mount."""

    config: str
    media: str


class Images(TypedDict):
    """The image reference of each part."""

    server: str
    database: NotRequired[str]
    lease_store: NotRequired[str]


@dataclass(frozen=True)
class JellyfinHaOutputs:
    """The outputs of a stack of this project, contract version 1.

    No value is a secret: `secrets` holds the names of Kubernetes Secrets.

    Args:
        url: under which clients reach the server; no slash at its end.
        namespace: of everything the stack made.
        service: for clients inside the cluster.
        selectors: of each part's pods.
        secrets: with each part's credentials.
        volumes: that all servers mount.
        mode: active-active.
        images: of each part. With SQLite there is no other part than the server, in images, selectors and secrets.
        contract_version: grows when a name or form above goes or changes, not when one is added.
    """

    url: pulumi.Output[str]
    namespace: pulumi.Output[str]
    service: pulumi.Output[Service]
    selectors: pulumi.Output[Selectors]
    secrets: pulumi.Output[Secrets]
    volumes: pulumi.Output[Volumes]
    mode: pulumi.Output[str]
    images: pulumi.Output[Images]
    contract_version: pulumi.Output[int]

    @classmethod
    def from_stack(cls, name: str) -> "JellyfinHaOutputs":
        """The outputs of another stack.

        Args:
            name: the full name, such as "organization/jellyfin-ha/dev".

        Raises:
            ValueError: (when the outputs resolve, which fails the preview) the stack was not deployed yet, speaks
                another version of this contract, or was deployed by a release that lacks one of these outputs.
        """
        names = [field.name for field in fields(cls)]

        def checked(arrived: Mapping[str, object]) -> Mapping[str, object]:
            values = cast(Mapping[str, object], with_integers(dict(arrived)))
            found = values.get("contract_version")
            if found is None:
                raise ValueError(f"{name}: expected the outputs of a deployed stack, found none: run its `pulumi up`")
            if found != CONTRACT_VERSION:
                raise ValueError(
                    f"{name}: expected outputs of contract version {CONTRACT_VERSION}, found {found}: use the "
                    "release of jellyfin-ha that deployed the stack, or deploy the stack with this one"
                )
            if missing := [key for key in names if key not in values]:
                raise ValueError(
                    f"{name}: expected the output{'s' * (len(missing) != 1)} {', '.join(missing)}, found none: an "
                    "older release deployed the stack; run its `pulumi up` with this one"
                )
            return values

        outputs = pulumi.StackReference(name).outputs.apply(checked)

        def part(key: str) -> pulumi.Output[object]:
            return outputs.apply(lambda values: values[key])

        return cls(**cast(dict[str, Any], {key: part(key) for key in names}))

    def export(self) -> None:
        """Makes these the outputs of the running program."""
        for key, value in vars(self).items():
            pulumi.export(key, value)
