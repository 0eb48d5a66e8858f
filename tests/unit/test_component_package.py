"""The components as other Pulumi languages see them."""

# No `from __future__ import annotations`: the analyzer needs types.
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import pulumi
import pytest
import yaml
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.util import camel_case

from jellyfin_ha import components
from jellyfin_ha.components.provider import PACKAGE, Components
from tests.unit.component_summary import GOLDEN, own_schema, summary
from tests.unit.engine import Engine, install

PAGE = (Path(__file__).parents[2] / "docs" / "components.md").read_text()
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


def test_what_other_languages_see_changes_only_on_purpose() -> None:
    assert summary(own_schema()) == GOLDEN.read_text(), (
        "a name that is gone or has another type breaks somebody's program; if that is meant, write the file anew "
        "with `python -m tests.unit.component_summary` and say it in the change"
    )


def test_every_exported_component_is_in_the_package_with_a_description() -> None:
    classes = [name for name in components.__all__ if not name.endswith("Args")]
    offered = own_schema()["resources"]
    assert sorted(offered) == sorted(f"{PACKAGE}:index:{name}" for name in classes)
    assert [token for token, component in offered.items() if token not in component["description"]] == []


def test_every_component_is_on_the_page_with_what_it_gives() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, flags=re.MULTILINE))
    for token, component in own_schema()["resources"].items():
        row = camel_case(rows[token.rsplit(":", 1)[1]])
        assert [output for output in component["properties"] if f"`{output}`" not in row] == [], token


class Words(TypedDict):
    word: Literal["one", "two"]


class Either(TypedDict):
    either: NotRequired[str | int]


class Pair(TypedDict):
    pair: tuple[str, str]


class Bare(TypedDict):
    bare: dict  # type: ignore[type-arg]


class Numbered(TypedDict):
    numbered: dict[int, str]


class Everything(TypedDict):
    text: str
    number: pulumi.Input[int]
    names: NotRequired[list[pulumi.Input[str]]]
    labels: NotRequired[dict[str, pulumi.Input[str]]]
    inner: NotRequired[list[Either | None]]


@pytest.mark.parametrize("refused", [Words, Either, Pair, Bare, Numbered])
def test_a_type_that_other_languages_do_not_have_is_refused(refused: type) -> None:
    # Of Literal the analyzer says no more than that it is no class.
    with pytest.raises(Exception, match=rf"{refused.__name__}|must be a class"):
        Analyzer(PACKAGE).analyze_type(refused, is_component_output=False)


def made(component: str, inputs: Callable[[], dict[str, Any]]) -> Engine:
    """What a component asks for when another process gives it these inputs."""
    engine = install()

    @pulumi.runtime.test
    def whole() -> None:
        Components().construct("it", f"{PACKAGE}:index:{component}", inputs())

    whole()
    return engine


@pytest.mark.parametrize("arrived", [float, lambda number: pulumi.Output.from_input(float(number))])
def test_a_number_that_arrives_as_a_float_is_used_as_the_integer_it_is(arrived: Callable[[int], Any]) -> None:
    engine = made(
        "PostgresDatabase",
        lambda: {
            "namespace": "media",
            "instance": "films",
            "image": "postgres:17",
            "storage": {"size": "5Gi"},
            "maxConnections": arrived(300),
        },
    )
    (container,) = engine.of(STATEFUL_SET, "it")["spec"]["template"]["spec"]["containers"]
    assert "max_connections=300" in container["args"]


def test_a_number_inside_an_argument_is_used_as_the_integer_it_is() -> None:
    engine = made("PodStorage", lambda: {"instance": "films", "longhorn": {"replicas": 2.0}})
    assert engine.of("kubernetes:storage.k8s.io/v1:StorageClass", "it")["parameters"]["numberOfReplicas"] == "2"


def test_the_python_program_on_the_page_is_whole() -> None:
    engine = install()

    @pulumi.runtime.test
    def whole() -> None:
        exec(compile(example("python"), "docs/components.md", "exec"), {})

    whole()
    assert engine.of(STATEFUL_SET, "films")["spec"]["replicas"] == 1
    assert {token for token in engine.tokens() if token.startswith(PACKAGE)} == {
        f"{PACKAGE}:index:{name}" for name in ("JellyfinServer", "PostgresDatabase", "SchemaUpgrade", "SharedStorage")
    }


def unknown(schema: dict[str, Any], properties: dict[str, Any], given: dict[str, Any], where: str) -> Iterator[str]:
    """Every key of a YAML mapping that its type does not have."""
    for key, value in given.items():
        if key not in properties:
            yield f"{where}.{key}"
        for spec in (properties.get(key, {}), properties.get(key, {}).get("items", {})):
            if "$ref" in spec:
                inner = schema["types"][spec["$ref"].removeprefix("#/types/")]["properties"]
                for part in value if isinstance(value, list) else [value]:
                    yield from unknown(schema, inner, part, f"{where}.{key}")


def test_the_yaml_program_on_the_page_uses_only_what_there_is() -> None:
    schema = dict(own_schema())
    program = yaml.safe_load(example("yaml"))
    for name, resource in program["resources"].items():
        component = schema["resources"][resource["type"]]
        assert [*unknown(schema, component["inputProperties"], resource["properties"], name)] == []
        assert set(component["requiredInputs"]) <= resource["properties"].keys(), name
    references = re.findall(r"\$\{(\w+)\.(\w+)\}", example("yaml"))
    for name, output in references:
        assert output in schema["resources"][program["resources"][name]["type"]]["properties"], f"{name}.{output}"
