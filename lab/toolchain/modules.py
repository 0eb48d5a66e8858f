"""What is built from source, because no package registry holds it ready made: pinned Go modules."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Part = Literal["engine", "cluster", "checks"]

PULUMI_VERSION = "3.259.0"
# The version that pulumi-kubernetes on PyPI has; the module is a commit shortly before that release.
KUBERNETES_PROVIDER_VERSION = "4.25.0"
# 1.35 refuses cgroup v1, which some hosts of a lab still have.
KUBERNETES_VERSION = "1.34.4"

GIB = 1024**3
_KUBERNETES = "k8s.io/kubernetes/cmd"
_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"


@dataclass(frozen=True)
class Copied:
    """A file taken from a Go module's sources: `module` at its pinned version, `path` inside it."""

    module: str
    path: str


@dataclass(frozen=True)
class GoModule:
    """One folder of `modules/`: a go.mod and go.sum that worked, and what to build with them.

    Args:
        name: the folder.
        part: what needs it: the Pulumi engine, the cluster or the tests.
        programs: name of the program to its main package.
        disk: bytes that a build with cold caches takes in GOCACHE and GOMODCACHE (measured, rounded up).
        stamps: Go variables to set, name to value.
        sources: files to copy beside the main package before the build, by name.
        scripts: files to copy beside the programs after it, by name; made executable.
        profile_guided: False leaves out profile-guided optimization, which compiles every dependency anew.
    """

    name: str
    part: Part
    programs: Mapping[str, str]
    disk: int
    stamps: Mapping[str, str] = field(default_factory=dict[str, str])
    sources: Mapping[str, Copied] = field(default_factory=dict[str, Copied])
    scripts: Mapping[str, Copied] = field(default_factory=dict[str, Copied])
    profile_guided: bool = True

    @property
    def folder(self) -> Path:
        """Where its go.mod is."""
        return Path(__file__).resolve().parent / "modules" / self.name

    @property
    def flags(self) -> list[str]:
        """The flags of `go build` that decide what comes out."""
        stamped = "".join(f" -X {variable}={value}" for variable, value in self.stamps.items())
        profile = [] if self.profile_guided else ["-pgo=off"]
        return [*profile, "-trimpath", "-ldflags", f"-s -w{stamped}"]

    def key(self, go_release: str) -> str:
        """12 hex digits that change when anything does that decides what comes out.

        Args:
            go_release: "1.26" of Go 1.26.8.
        """
        digest = hashlib.sha256()
        recipe = (go_release, self.flags, dict(self.programs), dict(self.sources), dict(self.scripts))
        digest.update(repr(recipe).encode())
        for file in sorted(self.folder.iterdir()):
            content = file.read_bytes()
            digest.update(f"\0{file.name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:12]


def _kubernetes_stamps() -> dict[str, str]:
    """Unstamped, the API server calls itself v0.0.0-master and the Pulumi provider refuses it."""
    major, minor, _ = KUBERNETES_VERSION.split(".")
    values = {"gitVersion": f"v{KUBERNETES_VERSION}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in values.items()}


def modules() -> tuple[GoModule, ...]:
    """Everything that is built, the quickest of each part first, so that a failure shows early."""
    return (
        GoModule(
            name="language-python",
            part="engine",
            programs={"pulumi-language-python": f"{_PULUMI_SDK}/python/cmd/pulumi-language-python"},
            disk=GIB,
        ),
        GoModule(
            name="cli",
            part="engine",
            programs={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
            stamps={f"{_PULUMI_SDK}/go/common/version.Version": f"v{PULUMI_VERSION}"},
            # The host's own scripts are older than the Python SDK they have to start; these fit it.
            scripts={
                "pulumi-language-python-exec": Copied(_PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),
                "pulumi-resource-pulumi-python": Copied(_PULUMI_SDK, "python/dist/pulumi-resource-pulumi-python"),
            },
            disk=4 * GIB,
        ),
        GoModule(
            name="provider-kubernetes",
            part="engine",
            programs={"pulumi-resource-kubernetes": "."},
            stamps={"main.released": KUBERNETES_PROVIDER_VERSION},
            sources={
                "schema.json": Copied(
                    "github.com/pulumi/pulumi-kubernetes/provider/v4", "cmd/pulumi-resource-kubernetes/schema.json"
                )
            },
            disk=3 * GIB,
        ),
        GoModule(
            name="coredns",
            part="cluster",
            programs={"coredns": "github.com/coredns/coredns"},
            disk=2 * GIB,
        ),
        GoModule(
            name="kube",
            part="cluster",
            programs={
                "etcd": "go.etcd.io/etcd/server/v3",
                "kube-apiserver": f"{_KUBERNETES}/kube-apiserver",
                "kube-controller-manager": f"{_KUBERNETES}/kube-controller-manager",
                "kube-scheduler": f"{_KUBERNETES}/kube-scheduler",
                "kube-proxy": f"{_KUBERNETES}/kube-proxy",
                "kubelet": f"{_KUBERNETES}/kubelet",
                "kubectl": f"{_KUBERNETES}/kubectl",
            },
            stamps=_kubernetes_stamps(),
            profile_guided=False,
            disk=3 * GIB,
        ),
        GoModule(
            name="actionlint",
            part="checks",
            programs={"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"},
            disk=GIB,
        ),
    )
