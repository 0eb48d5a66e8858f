"""One lab: its name, its folder, its addresses, and the names of everything the kernel keeps for it."""

import fcntl
import hashlib
import re
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from jellyfin_ha.operations.errors import UserError

DEFAULT_STATE_ROOT = Path("/var/lib/jellyfin-ha")
INSTANCE_VARIABLE = "JELLYFIN_HA_INSTANCE"
STATE_VARIABLE = "JELLYFIN_HA_STATE"

NODE_NAMES = ("n1", "n2", "n3")

# Each lab takes one /24 for its bridge and one /22 for its pods and its Services; 64 of them fit into each /16.
NETWORK_NUMBERS = range(64)
_NODES = IPv4Network("10.77.0.0/16")
_PODS = IPv4Network("10.244.0.0/16")
_SERVICES = IPv4Network("10.96.0.0/16")
# Node addresses start here: .1 is the bridge, the numbers between are free for what a drill puts beside the nodes.
_FIRST_NODE = 11

_ID_FORM = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True)
class Networks:
    """The address ranges of the lab with this number."""

    nodes: IPv4Network
    pods: IPv4Network
    services: IPv4Network

    @classmethod
    def of(cls, number: int) -> "Networks":
        """The ranges of lab `number`, one of NETWORK_NUMBERS."""
        return cls(
            nodes=IPv4Network((int(_NODES.network_address) + (number << 8), 24)),
            pods=IPv4Network((int(_PODS.network_address) + (number << 10), 22)),
            services=IPv4Network((int(_SERVICES.network_address) + (number << 10), 22)),
        )

    def overlapping(self, others: Collection[IPv4Network]) -> list[IPv4Network]:
        """Those of `others` that share an address with one of these ranges."""
        mine = (self.nodes, self.pods, self.services)
        return [other for other in others if any(other.overlaps(own) for own in mine)]


@dataclass(frozen=True)
class Instance:
    """One lab.

    Args:
        id: what people call it; lower case letters, digits and hyphens, 20 at most.
        root: the folder that holds a folder for each lab, absolute.
    """

    id: str
    root: Path

    @classmethod
    def of_checkout(cls, checkout: Path, *, environ: Mapping[str, str]) -> "Instance":
        """The lab of a checkout.

        Args:
            checkout: a folder; each has a lab of its own.
            environ: JELLYFIN_HA_INSTANCE names the lab (otherwise a hash of the folder's path does), JELLYFIN_HA_STATE
                is the folder for state (otherwise /var/lib/jellyfin-ha).

        Raises:
            UserError: exit code 2; a name that is not legal.
        """
        given = environ.get(INSTANCE_VARIABLE)
        if given is not None and not _ID_FORM.fullmatch(given):
            raise UserError(
                f"expected {INSTANCE_VARIABLE} to be 1 to 20 lower case letters, digits or hyphens, found {given!r}",
                exit_code=2,
            )
        root = Path(environ.get(STATE_VARIABLE) or DEFAULT_STATE_ROOT).expanduser().resolve()
        return cls(given or _short_hash(str(checkout.resolve()), 8), root)

    @property
    def state(self) -> Path:
        """Everything this lab keeps on disk."""
        return self.root / self.id

    @property
    def key(self) -> str:
        """Tells this lab from every other on the machine, also from one of the same id in another state folder."""
        return f"{self.id}.{self._tag}"

    @property
    def bridge(self) -> str:
        """The lab's bridge (Linux allows 15 characters, so it carries a hash of the id and the folder)."""
        return f"jh{self._tag}"

    def veth(self, node: str) -> str:
        """The host's end of a node's cable."""
        return f"{self.bridge}{node}"

    def cgroup(self, node: str) -> str:
        """The cgroup below which a node's pods live, relative to the root of a hierarchy."""
        return f"jellyfin-ha-{self.id}-{self._tag}-{node}"

    @property
    def number(self) -> int:
        """The number of the lab's networks.

        Raises:
            UserError: the lab was never started, so it has none.
        """
        try:
            return int(self._number_file.read_text())
        except FileNotFoundError:
            raise UserError(
                f"expected a lab in {self.state}, found none: start it first (`jellyfin-ha lab up`)"
            ) from None

    @property
    def started_once(self) -> bool:
        """Whether the lab has a number, hence state that may matter."""
        return self._number_file.exists()

    @property
    def networks(self) -> Networks:
        """The lab's address ranges; raises as `number` does."""
        return Networks.of(self.number)

    @property
    def bridge_address(self) -> IPv4Address:
        """Where the control plane and the name server listen; the nodes' gateway."""
        return self.networks.nodes[1]

    @property
    def api_url(self) -> str:
        """The Kubernetes API server."""
        return f"https://{self.bridge_address}:6443"

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with all rights."""
        return self.state / "admin.kubeconfig"

    @property
    def node_names(self) -> tuple[str, ...]:
        """The nodes: two that servers run on, then the one for what is single."""
        return NODE_NAMES

    def node_index(self, name: str) -> int:
        """The place of a node among `node_names`, from 0.

        Raises:
            UserError: exit code 2; no such node.
        """
        if name not in NODE_NAMES:
            raise UserError(f"expected a node of the lab ({', '.join(NODE_NAMES)}), found {name!r}", exit_code=2)
        return NODE_NAMES.index(name)

    def node_address(self, name: str) -> IPv4Address:
        """The node's own address; its NodePorts are reachable there from this machine."""
        return self.networks.nodes[_FIRST_NODE + self.node_index(name)]

    def node_pods(self, name: str) -> IPv4Network:
        """The /24 from which the node's pods get their addresses."""
        return list(self.networks.pods.subnets(new_prefix=24))[1 + self.node_index(name)]

    def node_state(self, name: str) -> Path:
        """What the node keeps over a restart."""
        return self.state / "nodes" / name

    @property
    def shared(self) -> Path:
        """A folder that every node sees at this same path, as it would see an NFS export."""
        return self.state / "shared"

    @property
    def volumes(self) -> Path:
        """The folders behind the nodes' local volumes."""
        return self.state / "volumes"

    @property
    def log_folder(self) -> Path:
        """One file a process, and its predecessor's beside it."""
        return self.state / "logs"

    def claim_number(self, in_use: Collection[IPv4Network]) -> int:
        """Gives the lab its networks, once; returns the number it has.

        Args:
            in_use: ranges that the machine has addresses in or routes to; not looked at when the lab has a number.

        Raises:
            UserError: exit code 2; all 64 numbers are taken.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with _locked(self.root / ".lock"):
            number = self.next_number(in_use)
            if not self.started_once:
                self.state.mkdir(exist_ok=True)
                written = self._number_file.with_suffix(".new")
                written.write_text(f"{number}\n")
                written.replace(self._number_file)
            return number

    def next_number(self, in_use: Collection[IPv4Network]) -> int:
        """The number that `claim_number` would give now; takes and raises what that does, and writes nothing."""
        if self.started_once:
            return self.number
        taken = {int(path.read_text()) for path in self.root.glob("*/network")}
        free = (n for n in NETWORK_NUMBERS if n not in taken and not Networks.of(n).overlapping(in_use))
        number = next(free, None)
        if number is None:
            raise UserError(
                f"expected a free network for the lab, 10.77.0.0/24 to 10.77.63.0/24 with its pod and service ranges "
                f"in {_PODS} and {_SERVICES}, found all in use: see `ip route` and purge labs you do not need (their "
                f"folders are in {self.root})",
                exit_code=2,
            )
        return number

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keeps other commands away from this lab.

        Raises:
            UserError: another one is at work.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        try:
            with _locked(self.state / "lock", wait=False):
                yield
        except BlockingIOError:
            raise UserError(
                f"expected no other command to work on lab {self.id}, found one that does: wait for its end"
            ) from None

    @property
    def _tag(self) -> str:
        return _short_hash(str(self.state), 6)

    @property
    def _number_file(self) -> Path:
        return self.state / "network"


def _short_hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
