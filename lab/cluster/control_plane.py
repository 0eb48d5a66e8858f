"""etcd, the API server, the controllers, the scheduler and the name server, all on the lab's bridge."""

from pathlib import Path

from jellyfin_ha.operations.errors import UserError

from ..instance import Instance
from . import pki, processes, waiting
from .api import Api
from .processes import Daemon

# What listens on the bridge's address, by protocol; labs do not collide, because each has an address of its own.
TCP_PORTS = {
    2379: "etcd",
    2380: "etcd",
    6443: "kube-apiserver",
    10257: "kube-controller-manager",
    10259: "kube-scheduler",
    53: "coredns",
    8080: "coredns",
}
UDP_PORTS = {53: "coredns"}

# In the order of their start.
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "coredns")

API_SECONDS = 60.0

# A node renews its lease every 4 s (a quarter of LEASE_SECONDS); four missed in a row mean that it is gone. Kubernetes
# itself takes 40 s and 50 s, which suits hundreds of nodes and would make each drill wait.
LEASE_SECONDS = 16
NODE_GRACE_SECONDS = 16
NODE_CHECK_SECONDS = 2


def daemons(instance: Instance, binaries: Path) -> tuple[Daemon, ...]:
    """The control plane, in the order of its start."""
    return (
        _etcd(instance, binaries),
        _api_server(instance, binaries),
        _controller_manager(instance, binaries),
        _scheduler(instance, binaries),
        _coredns(instance, binaries),
    )


def start(instance: Instance, binaries: Path) -> list[str]:
    """Starts what does not run, waits until the API server is ready, and returns the names of what was started.

    Raises:
        UserError: a part ended, or the API server was not ready within 60 s.
    """
    etcd, api_server, *rest = daemons(instance, binaries)
    started = [daemon.name for daemon in (etcd, api_server) if processes.ensure(instance, daemon)]
    with Api(instance) as api:
        # Either may end while the other waits for it.
        def settled() -> bool:
            return api.ready() or any(not _runs(instance, daemon) for daemon in (etcd, api_server))

        waiting.until(settled, seconds=API_SECONDS)
        if not api.ready():
            ended = next((d for d in (etcd, api_server) if not _runs(instance, d)), api_server)
            log = processes.tail(processes.log_file(instance, ended.name))
            raise UserError(f"expected the API server to be ready within {API_SECONDS:.0f} s; {ended.name} says: {log}")
    return [*started, *(daemon.name for daemon in rest if processes.ensure(instance, daemon))]


def _runs(instance: Instance, daemon: Daemon) -> bool:
    return processes.find(instance, daemon.name, Path(daemon.command[0]).name) is not None


def _etcd(instance: Instance, binaries: Path) -> Daemon:
    place, address = pki.folder(instance), instance.bridge_address
    clients, peers = f"https://{address}:2379", f"https://{address}:2380"
    # fsync stays on: state must outlive a crash of the machine too, and on an SSD it costs less than 1 ms a write.
    command = [
        str(binaries / "etcd"),
        "--name=lab",
        f"--data-dir={instance.state / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=lab={peers}",
        "--log-level=warn",
    ]
    for prefix in ("", "peer-"):
        command += [
            f"--{prefix}cert-file={place / 'etcd.crt'}",
            f"--{prefix}key-file={place / 'etcd.key'}",
            f"--{prefix}trusted-ca-file={place / 'etcd-ca.crt'}",
            f"--{prefix}client-cert-auth=true",
        ]
    return Daemon("etcd", tuple(command))


def _api_server(instance: Instance, binaries: Path) -> Daemon:
    place, address = pki.folder(instance), instance.bridge_address
    return Daemon(
        "kube-apiserver",
        (
            str(binaries / "kube-apiserver"),
            f"--bind-address={address}",
            f"--advertise-address={address}",
            "--secure-port=6443",
            f"--etcd-servers=https://{address}:2379",
            f"--etcd-cafile={place / 'etcd-ca.crt'}",
            f"--etcd-certfile={place / 'kube-apiserver-etcd-client.crt'}",
            f"--etcd-keyfile={place / 'kube-apiserver-etcd-client.key'}",
            f"--tls-cert-file={place / 'kube-apiserver.crt'}",
            f"--tls-private-key-file={place / 'kube-apiserver.key'}",
            f"--client-ca-file={place / 'ca.crt'}",
            f"--kubelet-certificate-authority={place / 'ca.crt'}",
            f"--kubelet-client-certificate={place / 'kube-apiserver-kubelet-client.crt'}",
            f"--kubelet-client-key={place / 'kube-apiserver-kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-cluster-ip-range={instance.networks.services}",
            f"--service-account-key-file={place / pki.SERVICE_ACCOUNT_KEY}",
            f"--service-account-signing-key-file={place / pki.SERVICE_ACCOUNT_KEY}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            # Otherwise its end waits a minute for watchers to go.
            "--shutdown-send-retry-after=true",
            "--profiling=false",
        ),
    )


def _controller_manager(instance: Instance, binaries: Path) -> Daemon:
    place, user = pki.folder(instance), pki.kubeconfig(instance, "kube-controller-manager")
    return Daemon(
        "kube-controller-manager",
        (
            str(binaries / "kube-controller-manager"),
            f"--kubeconfig={user}",
            f"--authentication-kubeconfig={user}",
            f"--authorization-kubeconfig={user}",
            f"--bind-address={instance.bridge_address}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={place / pki.SERVICE_ACCOUNT_KEY}",
            f"--root-ca-file={place / 'ca.crt'}",
            f"--cluster-signing-cert-file={place / 'ca.crt'}",
            f"--cluster-signing-key-file={place / 'ca.key'}",
            f"--node-monitor-grace-period={NODE_GRACE_SECONDS}s",
            f"--node-monitor-period={NODE_CHECK_SECONDS}s",
            "--profiling=false",
        ),
    )


def _scheduler(instance: Instance, binaries: Path) -> Daemon:
    user = pki.kubeconfig(instance, "kube-scheduler")
    return Daemon(
        "kube-scheduler",
        (
            str(binaries / "kube-scheduler"),
            f"--kubeconfig={user}",
            f"--authentication-kubeconfig={user}",
            f"--authorization-kubeconfig={user}",
            f"--bind-address={instance.bridge_address}",
            "--leader-elect=false",
            "--profiling=false",
        ),
    )


def _coredns(instance: Instance, binaries: Path) -> Daemon:
    # It runs beside the control plane, not in a pod: a drill that kills nodes must not take the names away too.
    config = instance.state / "Corefile"
    address = instance.bridge_address
    return Daemon(
        "coredns",
        (str(binaries / "coredns"), "-conf", str(config)),
        files={
            config: f"""\
.:53 {{
    bind {address}
    errors
    health {address}:8080
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {pki.kubeconfig(instance, "coredns")}
    }}
}}
"""
        },
    )
