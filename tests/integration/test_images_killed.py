"""An image build that is killed leaves no process and no mount, so that nothing can be deleted through one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jellyfin_ha.lab.cache import mounts_below, remove_tree
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BUILD = """
import sys
from pathlib import Path
from jellyfin_ha.lab.images.debian import build
from jellyfin_ha.lab.images.recipe import Debian
work = Path(sys.argv[1])
debian = Debian(suite="bookworm", packages=("hello",), commands=("touch /tmp/reached; sleep 60",))
build(debian, (), None, work / "layer.tar", work / "log")
"""


def working_in(folder: Path) -> list[int]:
    """The processes whose command line or environment names a folder."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text:
            found.append(int(process.name))
    return found


def mounted(folder: Path) -> list[Path]:
    return mounts_below(folder, Path("/proc/self/mountinfo").read_text())


def test_a_build_that_is_killed_while_the_machines_own_folders_are_mounted_leaves_nothing_mounted(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    work.mkdir(mode=0o755)
    with (tmp_path / "output").open("wb") as sink:
        builder = subprocess.Popen([sys.executable, "-c", BUILD, work], stdout=sink, stderr=sink)
    try:
        # Its commands run in the new file system while mmdebstrap has the mounts in place.
        wait_until(lambda: any(work.glob("mmdebstrap.*/tmp/reached")), seconds=120, what="the command inside")
        assert mounted(work) == []
        assert working_in(work)
    finally:
        builder.kill()
        builder.wait(20)
    wait_until(lambda: not working_in(work), seconds=20, what="every process of the build ending")
    assert mounted(work) == []
    remove_tree(work)
    assert not work.exists()
