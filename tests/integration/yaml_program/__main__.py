"""A Pulumi YAML program's components, asked for as the SDK of any language asks: by name, from a provider process."""

import os
import re
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import yaml

# What is asked of Kubernetes is written to files: there is no cluster.
provider = k8s.Provider("files", render_yaml_to_directory=os.environ["RENDERED"])
program: dict[str, Any] = yaml.safe_load(Path("Main.yaml").read_text())
made: dict[str, pulumi.Resource] = {}


class Remote(pulumi.ComponentResource):
    """A component that another process makes."""

    def __init__(self, name: str, token: str, inputs: dict[str, Any]) -> None:
        # An SDK knows the outputs from the schema; here they are whatever is referred to.
        outputs = re.findall(rf"\$\{{{name}\.(\w+)\}}", str(program))
        opts = pulumi.ResourceOptions(providers=[provider])
        super().__init__(token, name, {**dict.fromkeys(outputs), **inputs}, opts, remote=True)


def resolved(value: Any) -> Any:
    """`value` with an Output for every `${resource.output}`."""
    if isinstance(value, dict):
        return {key: resolved(part) for key, part in value.items()}
    if isinstance(value, list):
        return [resolved(part) for part in value]
    reference = re.fullmatch(r"\$\{(\w+)\.(\w+)\}", str(value))
    return getattr(made[reference[1]], reference[2]) if reference else value


for name, resource in program["resources"].items():
    made[name] = Remote(name, resource["type"], resolved(resource["properties"]))
for name, value in program["outputs"].items():
    pulumi.export(name, resolved(value))
