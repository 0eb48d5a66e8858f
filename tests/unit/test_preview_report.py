"""What a report on a preview says, hides and leaves out."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from jellyfin_ha.cli import app
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.preview import LIMIT, Flag, Preview, judge, read_preview, render

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "integration" / "golden" / "previews"
GITHUB_CHARACTERS = 65_536

MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
PINNED = "postgres:17@sha256:" + "0" * 64

Inputs = dict[str, Any]


def step(
    op: str,
    token: str,
    name: str,
    old: Inputs | None = None,
    new: Inputs | None = None,
    *,
    diff: dict[str, str] | None = None,
    component: str | None = None,
    **state: Any,
) -> Inputs:
    """A step as the engine prints it."""
    chain = f"jellyfin-ha:index:{component}$" if component else ""
    parent = f"urn:pulumi:home::jellyfin-ha::jellyfin-ha:index:{component}::{name}" if component else ""

    def side(inputs: Inputs | None) -> Inputs | None:
        return (
            {"type": token, "custom": True, "inputs": inputs, "parent": parent, **state} if inputs is not None else None
        )

    return {
        "op": op,
        "urn": f"urn:pulumi:home::jellyfin-ha::{chain}{token}::{name}",
        "oldState": side(old),
        "newState": side(new),
        "detailedDiff": {path: {"kind": kind, "inputDiff": False} for path, kind in diff.items()} if diff else None,
    }


def preview(*steps: Inputs, **more: Any) -> Preview:
    return Preview.model_validate({"steps": steps, "changeSummary": {"same": 3}, **more})


def flags(*steps: Inputs) -> list[str]:
    return [risk.flag for risk in judge(preview(*steps)).risks]


def stateful_set(part: str, image: str = PINNED, replicas: int = 2, claim: str = "a") -> Inputs:
    volume = {"name": "shared-0", "persistentVolumeClaim": {"claimName": claim}}
    return {
        "metadata": {"labels": {"app.kubernetes.io/component": part}},
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"name": "it", "image": image}], "volumes": [volume]}},
        },
    }


CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
SECRET = "kubernetes:core/v1:Secret"
SET = "kubernetes:apps/v1:StatefulSet"
PASSWORD = "random:index/randomPassword:RandomPassword"


@pytest.mark.parametrize("op", ["delete", "replace", "create-replacement", "delete-replaced"])
@pytest.mark.parametrize(
    ("token", "name", "component", "inputs"),
    [
        (CLAIM, "jellyfin-config", "SharedStorage", {}),
        ("kubernetes:core/v1:PersistentVolume", "jellyfin-config", "SharedStorage", {}),
        ("kubernetes:core/v1:Namespace", "jellyfin", None, {}),
        (SET, "jellyfin-postgres", "PostgresDatabase", stateful_set("database")),
        (PASSWORD, "jellyfin-postgres-password", "PostgresDatabase", {}),
        (SECRET, "jellyfin-postgres-credentials", "PostgresDatabase", {}),
    ],
)
def test_data_is_lost_with_what_holds_or_opens_it(
    op: str, token: str, name: str, component: str | None, inputs: Inputs
) -> None:
    new = None if op in ("delete", "delete-replaced") else inputs
    judgement = judge(preview(step(op, token, name, inputs, new, component=component)))
    assert judgement.unacknowledged == [name]


@pytest.mark.parametrize(
    "harmless",
    [
        step("create", CLAIM, "jellyfin-config", None, {}),
        step("update", CLAIM, "jellyfin-config", {"spec": 1}, {"spec": 2}),
        step("same", CLAIM, "jellyfin-config", {}, {}),
        step("delete", CLAIM, "jellyfin-config", {}, retainOnDelete=True),
        step("delete", PASSWORD, "jellyfin-redis-password", {}, component="RedisLeaseStore"),
        step("delete", SECRET, "jellyfin-redis-config", {}),
        step("replace", SET, "jellyfin-redis", stateful_set("lease-store"), stateful_set("lease-store")),
    ],
    ids=lambda found: f"{found['op']} {found['urn'].rpartition(':')[2]}",
)
def test_data_is_not_lost_with_anything_else(harmless: Inputs) -> None:
    assert judge(preview(harmless)).unacknowledged == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("web", {"image": PINNED.replace("17", "18")}), "another server image stops all servers"),
        (("web", {"replicas": 1}), "fewer replicas"),
        (("database", {"image": PINNED.replace("17", "18")}), "PostgreSQL is restarted"),
        (("lease-store", {"image": PINNED.replace("17", "18")}), "Redis is restarted"),
        (("web", {"claim": "b"}), "the servers are restarted one after the other"),
    ],
)
def test_what_takes_something_away_for_a_while_is_told(change: tuple[str, Inputs], words: str) -> None:
    part, other = change
    found = judge(preview(step("update", SET, "it", stateful_set(part), stateful_set(part, **other)))).risks
    assert [words in risk.words for risk in found if risk.flag is Flag.DOWNTIME] == [True]


def test_more_replicas_take_nothing_away() -> None:
    assert flags(step("update", SET, "jellyfin", stateful_set("web"), stateful_set("web", replicas=3))) == []


def test_a_replaced_stateful_set_stops_all_its_pods() -> None:
    assert flags(step("replace", SET, "jellyfin", stateful_set("web"), stateful_set("web"))) == [Flag.DOWNTIME]


def test_other_volumes_are_told() -> None:
    moved = step("update", SET, "jellyfin", stateful_set("web"), stateful_set("web", claim="b"))
    assert Flag.REPLACED_VOLUME in flags(moved)
    assert Flag.REPLACED_VOLUME in flags(step("replace", CLAIM, "jellyfin-config", {}, {}))
    assert Flag.REPLACED_VOLUME not in flags(step("delete", SET, "jellyfin", stateful_set("web")))


def test_only_new_images_without_a_digest_are_told() -> None:
    def of(before: str, after: str) -> list[str]:
        found = judge(preview(step("update", SET, "other", stateful_set("x", before), stateful_set("x", after)))).risks
        return [risk.words for risk in found if risk.flag is Flag.UNPINNED_IMAGE]

    assert of(PINNED, "postgres:17")[0].startswith("postgres:17:")
    assert of("postgres:17", PINNED) == []
    assert of("postgres:17", "postgres:17") == []


def test_a_replacement_that_is_told_in_parts_is_one_change() -> None:
    parts = [
        step("delete-replaced", CLAIM, "a", {"x": 1}),
        step("replace", CLAIM, "a", {"x": 1}, {"x": 2}, diff={"x": "update-replace"}),
        step("create-replacement", CLAIM, "a", None, {"x": 2}),
    ]
    for order in itertools.permutations(parts):
        report = render(judge(preview(*order)))
        assert "1 replaced" in report
        assert "! x (forces the replacement): 1 → 2" in report


def test_what_a_provider_does_not_tell_is_found_in_the_inputs() -> None:
    old, new = {"a": {"b": 1, "c.d": [1], "gone": 1}}, {"a": {"b": 1, "c.d": [2], "come": 1}}
    report = render(judge(preview(step("update", "x:y:Z", "z", old, new))))
    assert {'! a["c.d"]: [1] → [2]', "- a.gone: 1", "+ a.come: 1"} <= set(report.splitlines())


def test_a_value_that_only_the_update_will_know_is_told_so() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    change = step("update", "x:y:Z", "z", {"a": 1, "b": []}, {"a": unknown, "b": [unknown]})
    report = render(judge(preview(change)))
    assert "! a: 1 → known after the update" in report
    assert '! b: [] → ["known after the update"]' in report


def test_the_risks_come_first_the_worst_of_them_first() -> None:
    report = render(
        judge(
            preview(
                step("update", SET, "jellyfin", stateful_set("web"), stateful_set("web", image="b")),
                step("delete", CLAIM, "jellyfin-config", {}),
            )
        )
    )
    places = [report.index(words) for words in ("**data loss**", "**downtime**", "**image without digest**", "###")]
    assert places == sorted(places)
    assert "1 × data loss" in report.splitlines()[2]


def test_nothing_in_a_name_becomes_markdown() -> None:
    name = "`x` @everyone <b>\n# boo"
    report = render(judge(preview(step("delete", CLAIM, name, {}))))
    assert "`'x' @everyone <b> # boo`" in report
    fence = step("update", "x:y:Z", "z", {"a": "1"}, {"a": "```\n# boo"})
    assert "\n# boo" not in render(judge(preview(fence)))


def test_acknowledged_losses_pass_and_stale_acknowledgements_are_told() -> None:
    losing = preview(step("delete", CLAIM, "jellyfin-config", {}))
    judgement = judge(losing, acknowledged=["jellyfin-config", "jellyfin-old"])
    assert (judgement.unacknowledged, judgement.stale) == ([], ("jellyfin-old",))
    report = render(judgement)
    assert "**data loss** (acknowledged)" in report
    assert "`jellyfin-ha:acknowledgeDataLoss` names what loses no data here: `jellyfin-old`" in report


def test_a_preview_that_failed_calls_no_acknowledgement_stale() -> None:
    failed = preview(diagnostics=[{"message": "error: boom\n", "severity": "error"}])
    judgement = judge(failed, acknowledged=["jellyfin-config"])
    assert judgement.stale == ()
    assert "error: boom" in render(judgement)


def test_a_preview_that_failed_before_its_first_step_is_told() -> None:
    alone = Preview.model_validate({"diagnostics": [{"message": "error: no plugin\n", "severity": "error"}]})
    report = render(judge(alone))
    assert "Preview of a stack failed" in report
    assert "error: no plugin" in report


def run(*arguments: object) -> tuple[int, str, str]:
    """The exit code of `preview-report`, the report, and what it refuses."""
    result = CliRunner().invoke(app, ["preview-report", *map(str, arguments)])
    error = result.exception if isinstance(result.exception, UserError) else None
    return (error.exit_code if error else result.exit_code), result.output, str(error or "")


def test_a_harmless_change_passes_and_is_written_to_a_file(tmp_path: Path) -> None:
    code, output, _ = run(SAMPLES / "changed.json", "--output", tmp_path / "report.md")
    assert (code, output) == (0, "")
    assert (tmp_path / "report.md").read_text() == render(judge(read_preview(SAMPLES / "changed.json")))


def test_a_loss_that_nobody_acknowledged_is_refused_with_the_report(tmp_path: Path) -> None:
    code, output, error = run(SAMPLES / "moved.json", "--stack-file", ROOT / "Pulumi.dev.yaml")
    assert code == 1
    assert "**Data would be lost.**" in output
    assert "jellyfin-config" in error
    assert "jellyfin-ha:acknowledgeDataLoss" in error


def test_a_loss_that_the_stack_file_acknowledges_passes(tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
    names = judge(read_preview(SAMPLES / "moved.json")).unacknowledged
    content["config"]["jellyfin-ha:acknowledgeDataLoss"] = [*names, "jellyfin-old"]
    stack_file = tmp_path / "Pulumi.dev.yaml"
    stack_file.write_text(yaml.safe_dump(content))
    code, output, _ = run(SAMPLES / "moved.json", "--stack-file", stack_file)
    assert code == 0
    assert "names what loses no data here: `jellyfin-old`" in output


@pytest.mark.parametrize("name", ["refused", "broken"])
def test_a_preview_that_failed_is_refused_with_its_reason(name: str) -> None:
    code, output, _ = run(SAMPLES / f"{name}.json")
    assert code == 1
    assert "**Error**" in output


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "error: no stack", '{"steps": [{"op": "update"}], "changeSummary": {}}']
)
def test_a_file_that_is_no_preview_is_bad_use(tmp_path: Path, content: str) -> None:
    path = tmp_path / "preview.json"
    path.write_text(content)
    code, _, error = run(path)
    assert code == 2
    assert "expected what `pulumi preview --json` prints" in error
    assert run(tmp_path / "none.json")[0] == 2


def test_a_preview_without_any_step_is_one() -> None:
    assert "no change" in render(judge(Preview.model_validate({"steps": None, "changeSummary": None})))


SECRET_TEXT = "hunter2hunter2"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=8,
)
HIDDEN = st.sampled_from([{**MARK, "plaintext": SECRET_TEXT}, {**MARK, "value": {"deep": [SECRET_TEXT]}}])
WITH_SECRETS = st.recursive(
    VALUES | HIDDEN | st.just(f"postgresql://jellyfin:{SECRET_TEXT}@host/db"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
TEXT_OF_A_SECRET = st.dictionaries(
    st.sampled_from(["data", "stringData", "immutable"]), st.just({"k": SECRET_TEXT, "image": SECRET_TEXT})
)


@settings(max_examples=50, deadline=None)
@given(old=st.dictionaries(st.text(max_size=8), WITH_SECRETS), new=st.dictionaries(st.text(max_size=8), WITH_SECRETS))
def test_no_marked_secret_is_ever_shown(old: Inputs, new: Inputs) -> None:
    assert SECRET_TEXT not in render(judge(preview(step("update", "x:y:Z", "z", old, new))))


@settings(max_examples=50, deadline=None)
@given(old=TEXT_OF_A_SECRET, new=TEXT_OF_A_SECRET, op=st.sampled_from(["update", "replace", "create", "delete"]))
def test_no_content_of_a_secret_is_ever_shown_though_the_preview_shows_it(old: Inputs, new: Inputs, op: str) -> None:
    copied = {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET_TEXT}}}
    diff = dict.fromkeys(("data.k", "stringData.k", "metadata.annotations", "metadata"), "update")
    for paths in (diff, None):
        told = step(op, SECRET, "s", {**old, **copied}, {**new, "metadata": {}}, diff=paths)
        assert SECRET_TEXT not in render(judge(preview(told)))


def test_a_password_is_hidden_though_the_preview_was_made_with_its_secrets() -> None:
    told = step("update", PASSWORD, "p", {"result": "a"}, {"result": SECRET_TEXT}, diff={"result": "update"})
    named = step("update", "x:y:Z", "z", {"k": {"a": "b"}}, {"k": {"a": SECRET_TEXT}}, additionalSecretOutputs=["k"])
    file = step("update", "pulumi:providers:kubernetes", "c", {"kubeconfig": "~"}, {"kubeconfig": SECRET_TEXT})
    report = render(judge(preview(told, named, file)))
    assert SECRET_TEXT not in report
    assert "! kubeconfig: [secret] → [secret]" in report
    assert "! k.a: [secret] → [secret]" in report


@settings(max_examples=20, deadline=None)
@given(
    count=st.sampled_from([0, 1, 30, 300]),
    name=st.text(min_size=1, max_size=200).filter(lambda text: "\x00" not in text),
    old=st.dictionaries(st.text(max_size=40), VALUES, max_size=5),
    new=st.dictionaries(st.text(max_size=40), VALUES, max_size=5),
    error=st.text(max_size=100),
)
def test_a_report_is_never_longer_than_a_comment_may_be(
    count: int, name: str, old: Inputs, new: Inputs, error: str
) -> None:
    steps = [step("replace", CLAIM, f"{number}-{name}", old, new) for number in range(count)]
    errors = [{"message": error * 1000, "severity": "error"}] * 7
    names = [f"{number}{name}" for number in range(count)]
    for diagnostics in (errors, []):
        report = render(judge(preview(*steps, diagnostics=diagnostics), acknowledged=names))
        assert len(report.encode("utf-16-le", "surrogatepass")) // 2 <= LIMIT < GITHUB_CHARACTERS


def test_what_does_not_fit_is_left_out_from_the_end_and_told() -> None:
    losing = step("delete", CLAIM, "jellyfin-config", {})
    many = [step("update", "x:y:Z", f"z{number}", {"a": "b" * 150}, {"a": "c" * 150}) for number in range(400)]
    report = render(judge(preview(*many, losing)))
    assert "**data loss**: PersistentVolumeClaim `jellyfin-config`" in report
    assert "**delete** PersistentVolumeClaim `jellyfin-config`" in report
    shown = report.count("**update**")
    assert 0 < shown < 400
    assert report.endswith(
        f"*Left out, to fit into a comment: the last {400 - shown} of 401 changes. `pulumi preview --diff` has all.*\n"
    )


def test_the_page_shows_a_report_as_it_is() -> None:
    report = render(judge(read_preview(SAMPLES / "changed.json")))
    assert report in (ROOT / "docs" / "previews.md").read_text()
    assert json.loads((SAMPLES / "changed.json").read_text())["changeSummary"]["replace"] == 1
