"""What Pulumi changes in values on their way between processes."""

from typing import cast

import pulumi


def with_integers(value: object) -> object:
    """`value` with integers in the place of whole floats: on the way every number has become a float.

    Args:
        value: plain values, mappings and lists of them, and Outputs anywhere in it.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: with_integers(part) for key, part in cast(dict[str, object], value).items()}
    if isinstance(value, list):
        return [with_integers(part) for part in cast(list[object], value)]
    if isinstance(value, pulumi.Output):
        return cast("pulumi.Output[object]", value).apply(with_integers)
    return value
