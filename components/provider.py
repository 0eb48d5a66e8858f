"""The components as a provider plugin, so that programs in every Pulumi language can use them."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pulumi
from pulumi.provider import ConstructResult
from pulumi.provider import main as serve
from pulumi.provider.experimental.analyzer import PropertyDefinition, PropertyType
from pulumi.provider.experimental.component import ComponentProvider

from jellyfin_ha import components

from .wire import with_integers

PACKAGE = "jellyfin-ha"


class Components(ComponentProvider):
    """Serves the schema of every component that this room exports, and makes them.

    Raises:
        Exception: an argument or an output has a type that Pulumi's schemas cannot express; docs/components.md has
            the rules.
    """

    def __init__(self) -> None:
        exported = (cast(object, getattr(components, name)) for name in components.__all__)
        classes = [part for part in exported if isinstance(part, type) and issubclass(part, pulumi.ComponentResource)]
        super().__init__(classes, PACKAGE)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, pulumi.Input[object]],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Makes one component, with whole numbers as the integers that its arguments are."""
        whole = {key: with_integers(value) for key, value in inputs.items()}
        return super().construct(name, resource_type, whole, options)

    def map_input_properties(
        self,
        inputs: Mapping[str, pulumi.Input[object]],
        properties: dict[str, PropertyDefinition],
        mapping: dict[str, str],
        component_name: str,
        property_path: str,
    ) -> Mapping[str, pulumi.Input[object]]:
        """The arguments under their Python names."""
        # The SDK (3.259) converts integers itself, but drops the result, and fails when an integer is an Output.
        unconverted = {
            key: replace(definition, type=None) if definition.type is PropertyType.INTEGER else definition
            for key, definition in properties.items()
        }
        return super().map_input_properties(inputs, unconverted, mapping, component_name, property_path)


def main() -> None:
    """Serves the engine whose address is the first argument, until it ends the process."""
    serve(Components(), sys.argv[1:])
