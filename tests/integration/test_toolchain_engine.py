"""A Pulumi that is there and recent enough is used; any other is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jellyfin_ha.lab import toolchain
from jellyfin_ha.lab.toolchain import builder

pytestmark = pytest.mark.integration


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, message: str, fraction: float | None = None, /) -> None:
        self.messages.append(message)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first on PATH, an empty cache, and a builder that fails when it is asked to build."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.setenv("JELLYFIN_HA_CACHE", str(tmp_path / "cache"))
    return folder


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_recent_pulumi_on_path_is_used_instead_of_building_and_fetches_its_own_plugins(
    programs: Path, tmp_path: Path
) -> None:
    pulumi = script(programs / "pulumi", "echo v3.240.1")
    script(programs / "pulumi-language-python", "exit 0")
    told = Told()
    made = toolchain.ensure(told, parts=("engine",))
    assert (made.pulumi, made.built_engine) == (pulumi, False)
    assert any("3.240.1" in message and "fetches its plugins itself" in message for message in told.messages)
    variables = made.environment(tmp_path / "venv/bin/python", tmp_path / "plugins")
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in variables
    assert str(tmp_path / "plugins") not in variables["PATH"].split(os.pathsep)
    assert variables["PULUMI_PYTHON_CMD"] == str(tmp_path / "venv/bin/python")


@pytest.mark.parametrize(
    ("answer", "host", "reason"),
    [
        ("echo v3.237.9", True, "3.237.9, older than 3.238"),
        ("echo none", True, "older than"),
        ("echo broken >&2; exit 1", True, "broken"),
        ("echo v3.300.0", False, "has no pulumi-language-python"),
    ],
)
def test_another_pulumi_is_named_with_the_reason_and_ours_is_built(
    programs: Path, monkeypatch: pytest.MonkeyPatch, answer: str, host: bool, reason: str, tmp_path: Path
) -> None:
    script(programs / "pulumi", answer)
    if host:
        script(programs / "pulumi-language-python", "exit 0")
    script(programs / "go", "echo go version go1.99.0 linux/amd64")
    built: list[str] = []

    def build(module: builder.GoModule, go: object, target: Path, *_: object) -> None:
        built.append(module.name)
        (target / "bin").mkdir(parents=True)
        for name in (*module.programs, *module.scripts):
            script(target / "bin" / name, "exit 0")

    monkeypatch.setattr(builder, "build", build)
    monkeypatch.setattr(builder, "_check_space", lambda *_: None)
    told = Told()
    made = toolchain.ensure(told, parts=("engine",))
    assert built == ["language-python", "cli", "provider-kubernetes"]
    assert made.built_engine
    assert made.pulumi == made.bin / "pulumi"
    assert any(reason in message for message in told.messages), told.messages
    variables = made.environment(tmp_path / "venv/bin/python", tmp_path / "plugins")
    assert variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert variables["PATH"].split(os.pathsep)[:2] == [str(tmp_path / "plugins"), str(made.bin)]
    assert not {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"} & variables.keys()
    # Once built, it is there.
    assert toolchain.ensure(Told(), parts=("engine",)) == made
    assert len(built) == 3


def test_our_own_pulumi_on_the_path_of_a_labs_shell_is_no_installed_one(
    programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`lab env` puts it there. Taken for an installed one, it would be run without the lab's random provider."""
    script(programs / "go", "echo go version go1.99.0 linux/amd64")

    def build(module: builder.GoModule, go: object, target: Path, *_: object) -> None:
        (target / "bin").mkdir(parents=True)
        for name in (*module.programs, *module.scripts):
            script(target / "bin" / name, "echo v3.300.0")

    monkeypatch.setattr(builder, "build", build)
    monkeypatch.setattr(builder, "_check_space", lambda *_: None)
    made = toolchain.ensure(Told(), parts=("engine",))
    shell = made.environment(tmp_path / "venv/bin/python", tmp_path / "plugins")
    monkeypatch.setenv("PATH", shell["PATH"])
    assert toolchain.ensure(Told(), parts=("engine",)) == made
    script(programs / "pulumi", "echo v3.240.1")
    script(programs / "pulumi-language-python", "exit 0")
    assert toolchain.ensure(Told(), parts=("engine",)).pulumi == programs / "pulumi"
