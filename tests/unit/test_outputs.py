"""The contract with other stacks: what is promised, and how it is read."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from jellyfin_ha.infra.outputs import CONTRACT_VERSION, JellyfinHaOutputs
from tests.contract import SCHEMA, faults
from tests.unit.engine import install

PAGE = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text()
STACK = "organization/jellyfin-ha/dev"


def on_the_page() -> dict[str, Any]:
    """The outputs that the page shows."""
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    return json.loads(example)


def read(outputs: dict[str, Any]) -> dict[str, Any]:
    """What another stack's program gets, when the engine has these outputs."""
    engine = install()
    engine.stacks[STACK] = outputs
    found: dict[str, Any] = {}

    @pulumi.runtime.test
    def program() -> None:
        for key, value in vars(JellyfinHaOutputs.from_stack(STACK)).items():
            value.apply(lambda resolved, key=key: found.update({key: resolved}))

    program()
    return found


def test_the_outputs_on_the_page_are_the_contract() -> None:
    assert [*faults(on_the_page())] == []
    assert SCHEMA["properties"]["contract_version"] == {"const": CONTRACT_VERSION}


def test_every_output_is_promised_typed_and_on_the_page() -> None:
    names = [field.name for field in fields(JellyfinHaOutputs)]
    assert sorted(SCHEMA["required"]) == sorted(SCHEMA["properties"]) == sorted(names)
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)
    assert sorted(rows) == sorted(names)


def leaves(value: dict[str, Any], *above: str) -> list[tuple[str, ...]]:
    """The way to each promised key."""
    found: list[tuple[str, ...]] = []
    for key, part in value.items():
        found.append((*above, key))
        # Which labels select a pod is not promised, that there are some is.
        if isinstance(part, dict) and above != ("selectors",):
            found += leaves(part, *above, key)
    return found


@pytest.mark.parametrize("path", leaves(on_the_page()), ids=".".join)
@pytest.mark.parametrize(
    "harm",
    [lambda holder, key: holder.pop(key), lambda holder, key: holder.update({key: ["of another type"]})],
    ids=["removed", "retyped"],
)
def test_a_removed_or_retyped_output_is_found(path: tuple[str, ...], harm: Callable[[Any, str], object]) -> None:
    outputs = copy.deepcopy(on_the_page())
    holder = outputs
    for key in path[:-1]:
        holder = holder[key]
    harm(holder, path[-1])
    assert any(path[-1] in fault for fault in faults(outputs))


def test_more_outputs_and_more_parts_are_no_break() -> None:
    outputs = on_the_page()
    outputs["router"] = {"name": "jellyfin-router"}
    outputs["selectors"]["router"] = {"app": "router"}
    outputs["service"]["tls"] = True
    assert [*faults(outputs)] == []
    assert read(outputs)["selectors"]["router"] == {"app": "router"}


def test_another_stack_reads_what_was_written() -> None:
    assert read(on_the_page()) == on_the_page()


def test_numbers_are_read_as_the_integers_they_were() -> None:
    found = read({**on_the_page(), "contract_version": 1.0, "service": {"name": "jellyfin", "port": 8096.0}})
    assert repr(found["service"]["port"]) == "8096"
    assert repr(found["contract_version"]) == "1"


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({**on_the_page(), "contract_version": 2.0}, r"expected outputs of contract version 1, found 2: use"),
        ({**on_the_page(), "contract_version": "one"}, r"expected outputs of contract version 1, found one"),
        ({}, r"expected the outputs of a deployed stack, found none: run its `pulumi up`"),
        ({key: on_the_page()[key] for key in ("contract_version", "url")}, r"expected the outputs namespace, service"),
    ],
)
def test_outputs_that_are_not_understood_stop_the_program(outputs: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(outputs)


def test_the_yaml_program_on_the_page_reads_promised_outputs() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    yaml.safe_load(example)
    references = re.findall(r"\$\{jellyfin\.outputs\[\"(\w+)\"\]", example)
    assert references
    assert set(references) <= set(SCHEMA["required"])


def test_the_python_program_on_the_page_is_whole() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    engine = install()
    engine.stacks[STACK] = on_the_page()

    @pulumi.runtime.test
    def program() -> None:
        exec(compile(example, "docs/outputs.md", "exec"), {})

    program()
    probe = engine.of("kubernetes:batch/v1:CronJob", "jellyfin-probe")
    assert probe["metadata"]["namespace"] == "jellyfin"
    (container,) = probe["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"][-1] == "http://jellyfin:8096/health"
