"""A root file system of Debian packages, by mmdebstrap, from where this machine gets its packages."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from ..commands import Command, output, run_logged
from .recipe import Debian, Python, User

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
BUILD_SECONDS = 1800
ASK_SECONDS = 60
# mmdebstrap mounts this machine's /dev/shm, /sys and /proc into what it builds. In namespaces of its own, which end
# with it, and it with us, however we end, no mount is ever left where a later clean-up would delete through it.
ISOLATED = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
)
# What no image reads: what people read, and what only apt and its download need.
NO_MANUALS = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
)
NO_TRACES = (
    *("/etc/apt/apt.conf.d/99mmdebstrap", "/etc/apt/sources.list*", "/var/lib/apt/lists", "/var/cache/apt"),
    *("/var/cache/debconf", "/var/lib/dpkg/*-old", "/var/log/apt", "/var/log/*.log", "/etc/hostname", "/tmp/*"),
)


def sources(suite: str) -> list[str]:
    """One-line apt sources of a Debian release: this machine's own where it has them, else Debian's.

    So a mirror or a proxy that is configured here is used for images as well.
    """
    wanted = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN) $(TRUSTED)"
    listed = output(
        Command(
            ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"],
            what="asking apt for its sources",
            seconds=ASK_SECONDS,
        )
    )
    signed = f"signed-by={KEYRING}"
    ours: dict[str, None] = {}
    for fields in (line.split(" ") for line in listed.splitlines()):
        uri, release, component, origin, trusted = (*fields, "", "", "", "", "")[:5]
        if origin == "Debian" and component == "main" and release in (suite, f"{suite}-updates", f"{suite}-security"):
            ours[f"deb [{'trusted=yes' if trusted == 'yes' else signed}] {uri} {release} main"] = None
    if any(f" {suite} main" in line for line in ours):
        return list(ours)
    debian = "http://deb.debian.org/debian"
    return [
        f"deb [{signed}] {debian} {suite} main",
        f"deb [{signed}] {debian}-security {suite}-security main",
    ]


def apt_options() -> list[str]:
    """This machine's settings of how apt reaches its sources (proxies, certificates, clocks)."""
    names = ("Acquire::http", "Acquire::https", "Acquire::Retries", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
    command = ["apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', *names]
    return output(Command(command, what="asking apt for its settings", seconds=ASK_SECONDS)).splitlines()


def build(debian: Debian, users: Iterable[User], python: tuple[Python, Path] | None, target: Path, log: Path) -> None:
    """Write the root file system as the tar file `target`.

    Args:
        debian: what is in it.
        users: made before the packages are installed.
        python: packages to copy in and byte-compile with its own Python, and the folder where they are.
        target: the tar file to write, in a folder that may also hold the unpacked file system for a while.
        log: what mmdebstrap said.

    Raises:
        UserError: mmdebstrap failed, with its last lines.
    """
    hooks = target.parent
    (hooks / "early.sh").write_text("\n".join(["set -eu", *_early(debian, users), ""]))
    (hooks / "late.sh").write_text("\n".join(["set -eu", *_late(debian, python), ""]))
    left_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in (*NO_MANUALS, *debian.leave_out)]
    command = [
        *ISOLATED,
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar", "--skip=output/dev"),
        *(f"--aptopt={option}" for option in apt_options()),
        *left_out,
        f"--include={','.join(debian.packages)}",
        *(f'--essential-hook=sh {shlex.quote(str(hooks / "early.sh"))} "$1"',),
        *(f'--customize-hook=sh {shlex.quote(str(hooks / "late.sh"))} "$1"',),
        *(debian.suite, target, *sources(debian.suite)),
    ]
    environment = {**os.environ, "TMPDIR": str(hooks)}
    run_logged(Command(command, "building a Debian file system", BUILD_SECONDS, environment), log)


def _early(debian: Debian, users: Iterable[User]) -> Iterable[str]:
    for user in users:
        yield f'echo {user.name}:x:{user.uid}:{user.gid}::{user.home}:/bin/sh >>"$1/etc/passwd"'
        yield f'echo {user.name}:x:{user.gid}: >>"$1/etc/group"'
        yield f"echo '{user.name}:!:1::::::' >>\"$1/etc/shadow\""
    for path, content in debian.early_files.items():
        yield f'mkdir -p "$1{Path(path).parent}"'
        yield f'printf %s {shlex.quote(content)} >"$1{path}"'


def _late(debian: Debian, python: tuple[Python, Path] | None) -> Iterable[str]:
    if python:
        packages, folder = python
        yield f'mkdir -p "$1{packages.path}"'
        yield f'cp -r {shlex.quote(str(folder))}/. "$1{packages.path}"'
        yield f'chroot "$1" python3 -m compileall -q {packages.path}'
    for command in debian.commands:
        yield f'chroot "$1" sh -ec {shlex.quote(command)}'
    for pattern in (*debian.remove, *NO_TRACES):
        yield f'rm -rf "$1"{pattern}'
    # A mount point for the file that every container gets.
    yield ': >"$1/etc/resolv.conf"'
