"""The configuration of a node's containerd, kubelet and network plugins."""

import json

import yaml

from ..instance import Instance
from . import control_plane, pki, sandbox

CNI_PLUGINS = "/usr/lib/cni"


def containerd(pause: str) -> str:
    """containerd's configuration.

    Args:
        pause: reference of the image that holds a pod's namespaces.
    """
    # restrict_oom_score_adj: where root may not raise its own priority (no CAP_SYS_RESOURCE) pods would fail to start.
    return f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "{sandbox.CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {json.dumps(pause)}
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def network(instance: Instance, node: str) -> str:
    """The pod network of a node: a bridge in it, addresses from the node's range."""
    plugins: list[dict[str, object]] = [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": str(instance.node_pods(node))}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "1.0.0", "name": "lab", "plugins": plugins}, indent=2) + "\n"


def kubelet(instance: Instance, node: str) -> str:
    """The kubelet's configuration."""
    place = pki.folder(instance)
    content: dict[str, object] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{sandbox.CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        # Two kubelets under one root would delete each other's pods.
        "cgroupRoot": f"/{instance.cgroup(node)}",
        "failCgroupV1": False,
        "failSwapOn": False,
        # The kubelet would raise its own priority, which root without CAP_SYS_RESOURCE may not.
        "oomScoreAdj": 0,
        "enforceNodeAllocatable": ["pods"],
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(place / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(place / f"{node}.crt"),
        "tlsPrivateKeyFile": str(place / f"{node}.key"),
        "clusterDNS": [str(instance.bridge_address)],
        "clusterDomain": "cluster.local",
        "resolvConf": str(instance.node_state(node) / "resolv.conf"),
        "nodeLeaseDurationSeconds": control_plane.LEASE_SECONDS,
        # The disk is the machine's, and images cannot be pulled again: nothing may be evicted or collected for a disk
        # that is merely well filled.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
    }
    return yaml.safe_dump(content, sort_keys=False)


def resolver(instance: Instance) -> str:
    """What pods without cluster DNS resolve names with."""
    return f"nameserver {instance.bridge_address}\n"
