"""The pinned modules and the keys under which they are kept."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from jellyfin_ha.lab.toolchain.go import parse_version, wanted_version
from jellyfin_ha.lab.toolchain.modules import GoModule, modules


def test_the_parts_hold_every_program_of_the_engine_the_cluster_and_the_checks() -> None:
    programs = {
        part: {name for module in modules() if module.part == part for name in (*module.programs, *module.scripts)}
        for part in ("engine", "cluster", "checks")
    }
    assert programs["engine"] == {
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
        "pulumi-resource-kubernetes",
    }
    assert programs["cluster"] == {
        *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
        *("etcd", "coredns"),
    }
    assert programs["checks"] == {"actionlint"}


def test_every_module_is_pinned_by_a_lock_file() -> None:
    for module in modules():
        assert (module.folder / "go.sum").stat().st_size > 1000, module.name


def test_the_kubernetes_programs_carry_their_version_which_the_provider_asks_for() -> None:
    kube = next(module for module in modules() if module.name == "kube")
    assert "-X k8s.io/component-base/version.gitVersion=v1.34.4" in kube.flags[-1]
    assert "-X k8s.io/client-go/pkg/version.gitMajor=1" in kube.flags[-1]


def test_the_key_changes_with_all_that_decides_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = modules()[0]
    copied = tmp_path / "copy"
    shutil.copytree(original.folder, copied)
    monkeypatch.setattr(GoModule, "folder", property(lambda _: copied))
    module = dataclasses.replace(original)
    keys = [module.key("1.26"), module.key("1.27"), dataclasses.replace(module, stamps={"main.a": "b"}).key("1.26")]
    keys.append(dataclasses.replace(module, profile_guided=False).key("1.26"))
    for file in ("go.mod", "go.sum", "main.go"):
        with (copied / file).open("a") as changed:
            changed.write("\n")
        keys.append(module.key("1.26"))
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 12 for key in keys)


def test_the_key_does_not_depend_on_where_the_checkout_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = modules()[0]
    key = module.key("1.26")
    shutil.copytree(module.folder, tmp_path / "elsewhere")
    monkeypatch.setattr(GoModule, "folder", property(lambda _: tmp_path / "elsewhere"))
    assert module.key("1.26") == key


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/arm64", (1, 27, 0)),
        ("go 1.25.11", (1, 25, 11)),
        ("bash: no such command", None),
    ],
)
def test_a_go_version_is_read_from_what_go_and_go_mod_say(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


def test_the_compiler_must_be_as_new_as_the_newest_module_asks_for() -> None:
    assert wanted_version(module.folder for module in modules()) == (1, 26, 0)
