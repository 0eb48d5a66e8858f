"""Debian packages: what is there is left alone, and what cannot be installed is named."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from jellyfin_ha.lab import packages
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent

THERE = packages.Package("there", ("sh", "/etc/passwd"))
MISSING = packages.Package("missing-package", ("no-such-program-of-any-package",))


def of_these(monkeypatch: pytest.MonkeyPatch, *wanted: packages.Package) -> None:
    monkeypatch.setattr(packages, "packages", lambda: wanted)


def test_when_every_program_is_there_nobody_needs_to_be_root(monkeypatch: pytest.MonkeyPatch) -> None:
    of_these(monkeypatch, THERE)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "_install", lambda *_: pytest.fail("installs"))
    packages.ensure(silent)


def test_who_is_not_root_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    of_these(monkeypatch, THERE, MISSING)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match="sudo apt-get install --no-install-recommends missing-package") as refused:
        packages.ensure(silent)
    assert refused.value.exit_code == 2


def test_a_system_without_apt_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    of_these(monkeypatch, MISSING)
    monkeypatch.setattr(packages.shutil, "which", lambda *_, **__: None)
    with pytest.raises(UserError, match="missing-package") as refused:
        packages.ensure(silent)
    assert refused.value.exit_code == 2


def test_another_system_than_linux_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(UserError, match="Linux") as refused:
        packages.ensure(silent)
    assert refused.value.exit_code == 2


def test_services_are_kept_from_starting_and_the_policy_goes_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    of_these(monkeypatch, MISSING)

    def installed(*_: object) -> None:
        assert "exit 101" in policy.read_text()
        assert policy.stat().st_mode & 0o111
        of_these(monkeypatch, THERE)

    monkeypatch.setattr(packages, "_install", installed)
    packages.ensure(silent)
    assert not policy.exists()


def test_a_policy_of_the_machines_owner_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "_install", lambda *_: of_these(monkeypatch, THERE))
    of_these(monkeypatch, MISSING)
    packages.ensure(silent)
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"
