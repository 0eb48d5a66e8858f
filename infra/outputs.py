"""The contract that other stacks read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import pulumi

CONTRACT_VERSION = 1


@dataclass(frozen=True)
class JellyfinHaOutputs:
    """The outputs of a stack of this project, contract version 1.

    No value is a secret: `secrets` holds the names of Kubernetes Secrets.

    Args:
        url: under which clients reach the server.
        namespace: of everything the stack made.
        service: name (str) and port (int) of the Service for clients.
        selectors: the pod labels of each part: server, database, lease_store.
        secrets: the names of the Secrets of: database, lease_store.
        volumes: the names of the claims: config, media.
        mode: active-active.
        images: the image reference of each part: server, database, lease_store. With SQLite there is only server, in
            selectors and images, and no secret.
        contract_version: grows when a name or form above changes.
    """

    url: pulumi.Output[str]
    namespace: pulumi.Output[str]
    service: pulumi.Output[Mapping[str, str | int]]
    selectors: pulumi.Output[Mapping[str, Mapping[str, str]]]
    secrets: pulumi.Output[Mapping[str, str]]
    volumes: pulumi.Output[Mapping[str, str]]
    mode: pulumi.Output[str]
    images: pulumi.Output[Mapping[str, str]]
    contract_version: pulumi.Output[int]

    @classmethod
    def from_stack(cls, name: str) -> "JellyfinHaOutputs":
        """The outputs of another stack.

        Args:
            name: the full name, such as "organization/jellyfin-ha/dev".

        Raises:
            ValueError: (when the outputs resolve) the stack speaks another version of this contract.
        """
        stack = pulumi.StackReference(name)

        def checked(values: Mapping[str, object]) -> Mapping[str, object]:
            found = values.get("contract_version")
            if found != CONTRACT_VERSION:
                raise ValueError(f"{name}: expected outputs of contract version {CONTRACT_VERSION}, found {found}")
            return values

        outputs = stack.outputs.apply(checked)

        def part(key: str) -> pulumi.Output[object]:
            return outputs.apply(lambda values: values[key])

        return cls(
            url=cast(pulumi.Output[str], part("url")),
            namespace=cast(pulumi.Output[str], part("namespace")),
            service=cast("pulumi.Output[Mapping[str, str | int]]", part("service")),
            selectors=cast("pulumi.Output[Mapping[str, Mapping[str, str]]]", part("selectors")),
            secrets=cast("pulumi.Output[Mapping[str, str]]", part("secrets")),
            volumes=cast("pulumi.Output[Mapping[str, str]]", part("volumes")),
            mode=cast(pulumi.Output[str], part("mode")),
            images=cast("pulumi.Output[Mapping[str, str]]", part("images")),
            contract_version=cast(pulumi.Output[int], part("contract_version")),
        )

    def export(self) -> None:
        """Makes these the outputs of the running program."""
        for key, value in vars(self).items():
            pulumi.export(key, value)
