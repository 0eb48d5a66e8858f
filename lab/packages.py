"""The Debian packages that the lab and the integration tests run."""

import os
import platform
import shutil
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import Progress

from .commands import Command, output, run_logged

ASK_SECONDS = 60
UPDATE_SECONDS = 600
INSTALL_SECONDS = 1800
# Another apt, a nightly upgrade for example, may be at work.
LOCK_SECONDS = 600
LOCK_POLL_SECONDS = 2.0

POLICY = Path("/usr/sbin/policy-rc.d")
# Made by us; a run that was killed leaves it, and the next one knows it by this text.
POLICY_TEXT = """\
#!/bin/sh
# jellyfin-ha: what is being installed is not started. Removed when the installation ends.
exit 101
"""


@dataclass(frozen=True)
class Package:
    """A package, and the file patterns that show that what it brings is there, however it came."""

    name: str
    brings: tuple[str, ...]


def packages() -> tuple[Package, ...]:
    """All of them: the nodes' own, those that build images, and the servers that integration tests start."""
    return (
        Package("containerd", ("containerd", "containerd-shim-runc-v2", "ctr")),
        Package("runc", ("runc",)),
        Package("containernetworking-plugins", ("/usr/lib/cni/bridge",)),
        Package("iptables", ("iptables",)),
        Package("conntrack", ("conntrack",)),
        Package("ipset", ("ipset",)),
        Package("socat", ("socat",)),
        Package("iproute2", ("ip",)),
        Package("util-linux", ("unshare", "nsenter", "setpriv")),
        Package("ca-certificates", ("/etc/ssl/certs/ca-certificates.crt",)),
        Package("mmdebstrap", ("mmdebstrap",)),
        Package("debian-archive-keyring", ("/usr/share/keyrings/debian-archive-keyring.gpg",)),
        Package("umoci", ("umoci",)),
        Package("gcc", ("gcc",)),
        Package("libc6-dev", ("/usr/lib/*/libc.a",)),
        Package("ffmpeg", ("ffmpeg", "ffprobe")),
        Package("postgresql", ("/usr/lib/postgresql/*/bin/postgres",)),
        Package("redis-server", ("redis-server",)),
    )


def ensure(progress: Progress) -> None:
    """Install what is missing; services that come with it are not started, and those that ran before go on.

    Raises:
        UserError: not Linux, not a system of Debian packages, or not root, and something is missing: with what to
            install by hand (exit code 2); or apt failed (1).
    """
    if platform.system() != "Linux":
        raise UserError(f"The lab needs Linux; this is {platform.system()}.", exit_code=2)
    missing = missing_packages()
    if not missing:
        return
    by_hand = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if not shutil.which("apt-get") or not shutil.which("dpkg-query"):
        raise UserError(
            "The lab needs programs that are missing, and this system has no apt to install them with. "
            f"Install what these Debian packages hold: {' '.join(missing)}",
            exit_code=2,
        )
    if os.geteuid() != 0:
        raise UserError(
            f"The lab needs Debian packages that are missing, and only root can install them:\n  sudo {by_hand}",
            exit_code=2,
        )
    progress(f"installing Debian packages: {' '.join(missing)}", None)
    with _no_service_starts():
        _install(missing, progress)
    if still := missing_packages():
        raise UserError(f"apt-get ended well, but these are still missing: {' '.join(still)}\nTry: {by_hand}")


def missing_packages() -> list[str]:
    """The names of those packages of which something is not there."""
    return [package.name for package in packages() if not all(_present(pattern) for pattern in package.brings)]


def _present(pattern: str) -> bool:
    if pattern.startswith("/"):
        return any(Path("/").glob(pattern.lstrip("/")))
    # Some of them lie where only root's PATH leads.
    return shutil.which(pattern, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is not None


def _install(missing: Sequence[str], progress: Progress) -> None:
    log = Path("/var/log/jellyfin-ha-packages.log")
    log.unlink(missing_ok=True)
    arguments = ["install", "--yes", "--no-install-recommends", *missing]
    if _known(missing):
        try:
            _apt(arguments, "installing Debian packages", INSTALL_SECONDS, log)
            return
        except UserError:
            progress("the package lists are not of today", None)
    progress("fetching the package lists", None)
    _apt(["update"], "fetching the package lists", UPDATE_SECONDS, log)
    progress(f"installing Debian packages: {' '.join(missing)}", None)
    _apt(arguments, "installing Debian packages", INSTALL_SECONDS, log)


def _known(names: Sequence[str]) -> bool:
    """Whether apt's lists are there and know all of these."""
    said = output(Command(["apt-cache", "policy", *names], "asking apt for its packages", ASK_SECONDS))
    return said.count("Candidate:") - said.count("Candidate: (none)") == len(names)


def _apt(arguments: Sequence[str], what: str, seconds: float, log: Path) -> None:
    """Run apt-get; where it does not wait for another one by itself, it is tried again."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    command = ["apt-get", "--quiet", "--option", f"DPkg::Lock::Timeout={LOCK_SECONDS}", *arguments]
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            run_logged(Command(command, what, seconds, environment), log)
            return
        except UserError as error:
            if "Could not get lock" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(LOCK_POLL_SECONDS)


@contextmanager
def _no_service_starts() -> Generator[None]:
    """Nothing that is installed in the block is started. A policy of the machine's owner stays as it is."""
    if POLICY.exists() and POLICY.read_text(errors="replace") != POLICY_TEXT:
        yield
        return
    POLICY.write_text(POLICY_TEXT)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
