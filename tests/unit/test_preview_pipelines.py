"""The pipelines that put a report below a change: who may do what in them, and which comment they write."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from jellyfin_ha.lab.toolchain.modules import PULUMI_VERSION
from jellyfin_ha.operations.preview import Preview, judge, render

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github" / "workflows" / "preview.yml"
GITLAB = ROOT / ".gitlab-ci.yml"
REPORT = render(judge(Preview.model_validate({"steps": None, "changeSummary": None})))

# In the place of `gh` and `curl`: tells the comments that are there, and writes down how it was called to write one.
STAND_IN = """#!/bin/sh
case "$*" in
*POST* | *PATCH* | *PUT*) echo "$*" >> "$CALLS" ;;
*) cat "$COMMENTS_THERE" ;;
esac
"""


def jobs() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(GITHUB.read_text())
    assert content["permissions"] == {}
    return content["jobs"]


def test_the_job_that_runs_a_pull_request_with_secrets_may_not_write_and_is_not_for_forks() -> None:
    job = jobs()["preview"]
    assert job["permissions"] == {"contents": "read"}
    assert "&& github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


def test_a_repository_that_has_set_up_no_preview_has_no_check_that_fails() -> None:
    assert jobs()["preview"]["if"].startswith("vars.PREVIEW_STACK != '' &&")
    (rule,) = yaml.safe_load(GITLAB.read_text())["preview"]["rules"]
    assert rule["if"].endswith("&& $PREVIEW_STACK")


def test_the_job_that_may_write_has_no_secret_and_runs_nothing_of_the_pull_request() -> None:
    job = jobs()["comment"]
    assert job["permissions"] == {"pull-requests": "write"}
    assert [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step] == ["actions/download-artifact"]
    assert "secrets." not in json.dumps(job)


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    lines = re.findall(r"^\s*(?:- )?uses: (.+)$", GITHUB.read_text(), flags=re.MULTILINE)
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_the_pipelines_run_the_engine_that_the_tests_run() -> None:
    assert f"pulumi-version: {PULUMI_VERSION}\n" in GITHUB.read_text()
    assert f"--version {PULUMI_VERSION}\n" in GITLAB.read_text()


@dataclass(frozen=True)
class Pipeline:
    """How a pipeline writes a comment.

    Args:
        script: its commands.
        variables: what they find in their environment.
        author: the user whose comments are the pipeline's own, as the API names it.
        edits, posts: what tells one call from the other.
    """

    script: str
    variables: dict[str, str]
    author: dict[str, Any]
    edits: str
    posts: str


def github() -> Pipeline:
    step = jobs()["comment"]["steps"][-1]
    return Pipeline(
        script=step["run"],
        variables={"COMMENTS": "repos/o/r/issues/7/comments", "ONE_COMMENT": "repos/o/r/issues/comments"},
        author={"user": {"login": "github-actions[bot]"}},
        edits="--method PATCH repos/o/r/issues/comments/2 -F body=@report.md",
        posts="--method POST repos/o/r/issues/7/comments -F body=@report.md",
    )


def gitlab() -> Pipeline:
    job = yaml.safe_load(GITLAB.read_text())["preview"]
    (script,) = (command for command in job["script"] if "found=" in command)
    return Pipeline(
        script=script,
        variables={"NOTES": "https://gitlab.example/notes", "AUTHOR": "project_5_bot", "PREVIEW_TOKEN": "t"},
        author={"author": {"username": "project_5_bot_0a1b"}},
        edits="--request PUT --data-urlencode body@report.md https://gitlab.example/notes/2",
        posts="--request POST --data-urlencode body@report.md https://gitlab.example/notes ",
    )


def written(pipeline: Pipeline, comments: list[dict[str, Any]], folder: Path) -> list[str]:
    """How the pipeline calls the API to write, with these comments below the change."""
    for name in ("gh", "curl"):
        (folder / name).write_text(STAND_IN)
        (folder / name).chmod(0o755)
    (folder / "comments.json").write_text(json.dumps(comments))
    (folder / "report.md").write_text(REPORT)
    environment = {
        **os.environ,
        **pipeline.variables,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "COMMENTS_THERE": str(folder / "comments.json"),
    }
    # As both run a step.
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", pipeline.script], cwd=folder, env=environment, timeout=30, check=True
    )
    return (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize("pipeline", [github(), gitlab()], ids=["GitHub", "GitLab"])
def test_the_first_report_is_posted_and_the_next_takes_its_place(pipeline: Pipeline, tmp_path: Path) -> None:
    strangers = {name: dict.fromkeys(value, "mallory") for name, value in pipeline.author.items()}
    others = [
        {"id": 1, "body": REPORT, **strangers},
        {"id": 3, "body": "Looks good to me.", **pipeline.author},
        {"id": 4, "body": REPORT.replace("preview of", "preview of another"), **pipeline.author},
    ]
    (posted,) = written(pipeline, others, tmp_path)
    assert pipeline.posts in posted
    (tmp_path / "calls").unlink()
    (edited,) = written(pipeline, [*others, {"id": 2, "body": REPORT + "old", **pipeline.author}], tmp_path)
    assert pipeline.edits in edited
