"""What editors are told of a stack file is what the program takes, and what readers are told of it too."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from jellyfin_ha.cli import app
from jellyfin_ha.infra.configuration import settings_of
from jellyfin_ha.infra.settings import Settings, stack_file_schema
from jellyfin_ha.infra.settings.base import Model
from jellyfin_ha.infra.settings.reference import BEGIN, END
from jellyfin_ha.operations.errors import UserError
from tests.unit.test_settings import BEHIND_TRAEFIK, MINIMAL

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "settings.schema.json"
STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))

EDITOR = Draft7Validator(json.loads(SCHEMA.read_text()))


def said(*command: str) -> str:
    done = CliRunner().invoke(app, ["settings", *command])
    assert done.exit_code == 0, done.output
    return done.stdout


def stack_file(values: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"config": {f"jellyfin-ha:{key}": value for key, value in values.items()}, **others}


def with_value(path: str, value: object, rest: dict[str, Any] = MINIMAL) -> dict[str, Any]:
    """A stack file with one more, or one other, value; `path` is a key as in server.service.type."""
    values = copy.deepcopy(rest)
    *parents, last = path.split(".")
    mapping = values
    for parent in parents:
        mapping = mapping.setdefault(parent, {})
    mapping[last] = value
    return stack_file(values)


def program_takes(content: dict[str, Any]) -> bool:
    try:
        settings_of(content, origin="test")
    except UserError:
        return False
    return True


def test_the_schema_in_the_repository_is_the_one_that_the_command_makes() -> None:
    assert SCHEMA.read_text() == said("schema"), "run `jellyfin-ha settings schema --write`"


def test_the_tables_on_the_page_are_the_ones_that_the_command_makes() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    between = page.partition(BEGIN)[2].partition(END)[0]
    assert between.strip() == said("reference").strip(), "run `jellyfin-ha settings reference --write`"


def test_the_commands_bring_an_old_checkout_up_to_date_and_leave_the_rest_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "infra").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: jellyfin-ha\n")
    page = tmp_path / "docs" / "settings.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.chdir(tmp_path)
    said("schema", "--write")
    said("reference", "--write")
    assert (tmp_path / "docs" / "settings.schema.json").read_text() == SCHEMA.read_text()
    assert page.read_text() == f"before\n{BEGIN}\n\n{said('reference')}\n{END}\nafter\n"


def test_a_page_without_its_markers_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "infra").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: jellyfin-ha\n")
    page = tmp_path / "docs" / "settings.md"
    page.write_text("no place for it\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["settings", "reference", "--write"])
    assert isinstance(done.exception, UserError)
    assert BEGIN in str(done.exception)
    assert page.read_text() == "no place for it\n"


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_the_stack_files_in_the_repository_are_right_and_tell_editors_so(path: Path) -> None:
    text = path.read_text()
    content = yaml.safe_load(text)
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA.relative_to(ROOT)}\n")
    assert list(EDITOR.iter_errors(content)) == []
    assert program_takes(content)


def test_the_schema_is_one_that_editors_understand() -> None:
    Draft7Validator.check_schema(stack_file_schema())
    for place in _mappings(stack_file_schema()):
        # The draft lets a reference hide whatever stands beside it.
        assert "$ref" not in place or place.keys() <= {"$ref", "description"}


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _mappings(inner)


def _subclasses(model: type[Model]) -> Iterator[type[Model]]:
    for found in model.__subclasses__():
        yield from (found, *_subclasses(found))


def test_every_setting_says_what_it_means_and_every_pattern_what_it_takes() -> None:
    models = [*_subclasses(Model)]
    assert Settings in models
    missing = [
        f"{owner.__name__}.{name}"
        for owner in models
        for name, field in owner.model_fields.items()
        if not field.description
    ]
    assert missing == []
    patterns = [place for place in _mappings(stack_file_schema()) if "pattern" in place]
    assert [place["pattern"] for place in patterns if "patternErrorMessage" not in place] == []


RIGHT = [
    pytest.param(stack_file(MINIMAL), id="the least"),
    pytest.param(with_value("server.resources.limits", {"cpu": 2, "memory": "1.5Gi"}), id="a number as an amount"),
    pytest.param(with_value("storage.perPod.longhorn", {}), id="Longhorn's defaults"),
    pytest.param(with_value("storage.media.nfs.mountOptions", ["ro"]), id="mount options"),
    pytest.param(with_value("server.service", {"type": "LoadBalancer", "nodePort": 30001}), id="a port of the nodes"),
    pytest.param(
        with_value("database.storage.longhorn.recurringJobs", {"nightly": {"task": "backup", "cron": "0 3 * * *"}}),
        id="a backup every night",
    ),
    pytest.param(stack_file(BEHIND_TRAEFIK), id="an ingress"),
    pytest.param(with_value("ingress", None), id="nothing as no ingress"),
    pytest.param(with_value("server.gpu", {}), id="no GPU"),
    pytest.param(with_value("server.gpu", {"nodeSelector": {"gpu": "yes"}}), id="nodes with a GPU"),
    pytest.param(with_value("database.storage", {"storageClass": "fast"}), id="a class without a size"),
    pytest.param(with_value("migration", {}), id="no migration"),
    pytest.param(with_value("migration", None), id="nothing as no migration"),
    pytest.param(with_value("migration", {"source": "/old/jellyfin.db", "repair": True}), id="a migration"),
    pytest.param(with_value("migration", {"done": True}), id="a migration that is done"),
    pytest.param(
        stack_file(MINIMAL, encryptionsalt="v1:x", secretsprovider="passphrase", environment=["home"]),
        id="what Pulumi writes",
    ),
    pytest.param(
        {
            "config": {
                **stack_file(MINIMAL)["config"],
                "kubernetes:context": "home",
                "aws:region": "eu-west-1",
                "other:token": {"secure": "v1:x"},
            }
        },
        id="other packages and their secrets",
    ),
]

WRONG = [
    pytest.param({"config": {}}, id="nothing"),
    pytest.param({}, id="no configuration"),
    pytest.param(with_value("serverr", {}), id="an unknown key"),
    pytest.param(with_value("server.gpu.intel", {"driver": "xe", "groups": [True]}), id="a truth value as a group"),
    pytest.param(with_value("server.gpu.hostPath", {"groups": [], "acceleration": "qsv"}), id="a device of nobody"),
    pytest.param(
        with_value("database.storage.longhorn.recurringJobs", {"At Night": {"task": "backup", "cron": "0 3 * * *"}}),
        id="a job whose name no object can have",
    ),
    pytest.param(
        with_value("leaseStore.storage.longhorn.recurringJobs", {"nightly": {"task": "backup", "cron": "daily"}}),
        id="a job at a time in words",
    ),
    pytest.param(with_value("ingress", {"type": "nginx"}, BEHIND_TRAEFIK), id="an unknown ingress"),
    pytest.param(with_value("ingress.parent", {"name": "a"}, BEHIND_TRAEFIK), id="a key of another ingress"),
    pytest.param(with_value("server.knownProxies", ["traefik"]), id="a proxy by its name"),
    pytest.param(with_value("server.node_selector", {}), id="a key in snake case"),
    pytest.param(with_value("server.image", "jellyfin 1"), id="an image with a space"),
    pytest.param(with_value("server.image", {"secure": "v1:x"}), id="a secret"),
    pytest.param(with_value("database", {"secure": "v1:x"}), id="a mapping as a secret"),
    pytest.param(with_value("server.url", "jellyfin.home"), id="a URL without a scheme"),
    pytest.param(with_value("server.url", "https://alice:secret@jellyfin.home"), id="a URL with a password"),
    pytest.param(with_value("server.replicas", 10), id="too many servers"),
    pytest.param(with_value("server.replicas", True), id="a truth value as a number"),
    pytest.param(with_value("server.nodeSelector", {"gpu": True}), id="a truth value as a text"),
    pytest.param(with_value("server.resources.limits", {"gpu": 1}), id="an unknown resource"),
    pytest.param(with_value("server.service", {"nodePort": 30096}), id="a port of the nodes without its type"),
    pytest.param(with_value("server.service", {"type": "nodeport"}), id="an unknown type"),
    pytest.param(with_value("mode", "active-standby"), id="an unknown mode"),
    pytest.param(with_value("storage.config", {"size": "1Gi"}), id="a volume of no kind"),
    pytest.param(with_value("storage.config", {"hostPath": "/a", "storageClass": "b"}), id="a volume of two kinds"),
    pytest.param(with_value("storage.media.nfs", "nas:/media"), id="an export in one text"),
    pytest.param(with_value("storage.perPod", {"storageClass": "a", "longhorn": {}}), id="two classes"),
    pytest.param(with_value("database.storage.size", "ten"), id="an amount in words"),
    pytest.param(with_value("migration", {"source": "/a", "done": True}), id="a migration to be done and done"),
    pytest.param(with_value("migration", {"repair": True}), id="a migration of nothing"),
]


@pytest.mark.parametrize("content", RIGHT)
def test_what_the_program_takes_no_editor_marks(content: dict[str, Any]) -> None:
    assert program_takes(content)
    assert list(EDITOR.iter_errors(content)) == []


@pytest.mark.parametrize("content", WRONG)
def test_what_the_program_refuses_an_editor_marks(content: dict[str, Any]) -> None:
    assert not program_takes(content)
    assert not EDITOR.is_valid(content)


RULES: list[tuple[str, dict[str, list[Any]]]] = [
    (
        "storage.config",
        {
            "nfs": [{"server": "nas", "path": "/a"}, None],
            "storageClass": ["b"],
            "existingClaim": ["c"],
            "hostPath": ["/d", None],
        },
    ),
    (
        "storage.perPod",
        {"storageClass": ["a", None], "longhorn": [{}, {"numberOfReplicas": 2}, None], "emptyDir": [True, False]},
    ),
    ("storage.perPod.longhorn", {"numberOfReplicas": [1, 2], "dataLocality": ["strict-local", "disabled"]}),
    ("database.storage", {"storageClass": ["a", None], "longhorn": [{}, None], "size": ["1Gi"]}),
    ("database.storage.longhorn", {"numberOfReplicas": [1, 2], "dataLocality": ["strict-local", "disabled"]}),
    ("server.service", {"type": ["ClusterIP", "NodePort", "LoadBalancer"], "nodePort": [30096, None]}),
    (
        "server.gpu",
        {
            "intel": [{"driver": "xe", "groups": []}, None],
            "nvidia": [{}],
            "dra": [{"deviceClass": "gpu.intel.com", "acceleration": "qsv"}],
            "hostPath": [{"groups": [44], "acceleration": "qsv"}, None],
            "nodeSelector": [{}, {"gpu": "yes"}],
        },
    ),
    ("server.gpu.nvidia", {"count": [1, None], "visibleDevices": ["all", None], "runtimeClass": ["nvidia"]}),
    (
        "server.gpu.dra",
        {"deviceClass": ["a", None], "claimTemplate": ["b", None], "acceleration": ["qsv"], "groups": [[44]]},
    ),
    ("migration", {"source": ["/a", None], "done": [True, False], "repair": [True]}),
]


BEHIND_GATEWAY = {**BEHIND_TRAEFIK, "ingress": {"type": "gateway", "affinity": "controller"}}

RULES_OF_INGRESS: list[tuple[str, dict[str, list[Any]], dict[str, Any]]] = [
    ("ingress.tls", {"issuer": [{"name": "a"}, None], "secretName": ["b", None]}, BEHIND_TRAEFIK),
    ("ingress.parent", {"name": ["a"], "section": ["b", None], "plainSection": ["c", None]}, BEHIND_GATEWAY),
]


def combined(choices: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Every set of these keys with every one of their values."""
    pairs = [(key, value) for key, values in choices.items() for value in values]
    for count in range(len(choices) + 1):
        for chosen in combinations(pairs, count):
            if len(dict(chosen)) == count:
                yield dict(chosen)


@pytest.mark.parametrize(
    ("path", "choices", "rest"),
    [pytest.param(path, choices, MINIMAL, id=path) for path, choices in RULES]
    + [pytest.param(*rule, id=rule[0]) for rule in RULES_OF_INGRESS],
)
def test_editors_know_the_rules_between_keys(path: str, choices: dict[str, list[Any]], rest: dict[str, Any]) -> None:
    contents = [with_value(path, mapping, rest) for mapping in combined(choices)]
    verdicts = [program_takes(content) for content in contents]
    assert {True, False} <= set(verdicts)
    assert [EDITOR.is_valid(content) for content in contents] == verdicts
