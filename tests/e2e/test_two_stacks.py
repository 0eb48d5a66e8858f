"""Two stacks of this project in one cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jellyfin_ha.lab.library import SAMPLE_USERS
from tests.contract import faults
from tests.e2e.conftest import ROOT, Stack
from tests.e2e.household import answers, lets_in
from tests.e2e.own_stack import own_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAME = "attic"
DESTROY_SECONDS = 300
WATCHED = "pods,services,statefulsets,persistentvolumeclaims,secrets,configmaps,poddisruptionbudgets"


def first_stack(stack: Stack) -> dict[str, Any]:
    """Everything of the dev stack that another stack must not touch."""
    items: list[Any] = json.loads(stack.kubectl("get", WATCHED, "--output", "json"))["items"]
    volumes: list[Any] = json.loads(stack.kubectl("get", "persistentvolumes", "--output", "json"))["items"]
    bound = [each for each in volumes if each["spec"].get("claimRef", {}).get("namespace") == "jellyfin"]
    return {
        "objects": {(each["kind"], each["metadata"]["name"]): _mark(each) for each in [*items, *bound]},
        "status": stack.status(),
        "outputs": json.loads(stack.pulumi("stack", "output", "--json")),
    }


def _mark(each: Mapping[str, Any]) -> tuple[Any, ...]:
    """What changes when somebody touches the object; a living cluster writes the status of some by itself."""
    metadata = each["metadata"]
    if each["kind"] == "Pod":
        return metadata["uid"], *(status["restartCount"] for status in each["status"]["containerStatuses"])
    return metadata["uid"], metadata.get("generation", metadata["resourceVersion"])


def commands_on_the_page(state: Path) -> list[str]:
    """How the page takes a stack away: where its state is, unprotect, destroy."""
    page = (ROOT / "docs" / "existing-cluster.md").read_text()
    (block,) = re.findall(r"```\n(state=.*?)```", page, flags=re.DOTALL)
    _, *commands = block.replace("home", NAME).splitlines()
    return [f"state={state}", *commands]


def shell(stack: Stack, checkout: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    """Runs commands as a person does who has answered yes."""
    environment = {**os.environ, **stack.variables, "PULUMI_SKIP_CONFIRMATIONS": "true"}
    environment.pop("PULUMI_CONFIG_PASSPHRASE", None)
    return subprocess.run(
        ["sh", "-ec", "\n".join(commands)],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DESTROY_SECONDS,
        check=False,
    )


def test_a_second_stack_comes_and_goes_and_the_first_never_notices(stack: Stack, tmp_path: Path) -> None:
    before = first_stack(stack)
    server = {"url": "http://attic.example.org", "replicas": 1}
    with own_stack(stack, tmp_path, NAME, server=server, migration={}) as attic:
        attic.up()
        assert [replica["ready"] for replica in attic.status()["replicas"]] == [True]
        assert first_stack(stack) == before
        (folder,) = attic.state.glob("*/pulumi")
        where, export, unprotect, destroy = commands_on_the_page(folder)
        printed = shell(stack, attic.checkout, where, export, f"pulumi stack output --json --stack {NAME}").stdout
        outputs = json.loads(printed)
        assert [*faults(outputs)] == []
        assert outputs["namespace"] == NAME
        assert outputs["selectors"]["server"] != before["outputs"]["selectors"]["server"]

        refused = shell(stack, attic.checkout, where, export, destroy)
        assert refused.returncode != 0
        assert "protected" in refused.stdout + refused.stderr
        kept = stack.kubectl("get", "statefulsets,persistentvolumeclaims", "--namespace", NAME, "--output", "name")
        assert {"statefulset.apps/jellyfin-postgres", "persistentvolumeclaim/jellyfin-config"} <= set(kept.split())

        destroyed = shell(stack, attic.checkout, where, export, unprotect, destroy)
        assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
        assert stack.kubectl("get", "namespace", NAME, "--ignore-not-found") == ""
        volumes = stack.kubectl("get", "persistentvolumes", "--output", "name").split()
        assert [name for name in volumes if NAME in name] == []
    assert first_stack(stack) == before
    assert answers(before["outputs"]["url"])
    assert lets_in(before["outputs"]["url"], SAMPLE_USERS[0])
