"""The lab's certificates and the kubeconfig files made of them."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..instance import Instance

# The lab is thrown away long before; nothing renews its certificates.
VALIDITY = timedelta(days=3650)
# The machine's clock may be set back a little after the lab was made.
CLOCK_SKEW = timedelta(hours=1)

CLUSTER_AUTHORITY = "ca"
# etcd trusts an authority of its own: a certificate for the API must open no door to the database behind it.
ETCD_AUTHORITY = "etcd-ca"
SERVICE_ACCOUNT_KEY = "service-accounts.key"


@dataclass(frozen=True)
class Certificate:
    """A certificate to be issued.

    Args:
        file: its name in the pki folder, without .crt and .key.
        common_name: the Kubernetes user.
        group: the Kubernetes group, if any.
        names: host names it answers to, as a server.
        addresses: addresses it answers to, as a server.
        authority: who signs it.
    """

    file: str
    common_name: str
    group: str | None = None
    names: Sequence[str] = ()
    addresses: Sequence[IPv4Address] = ()
    authority: str = CLUSTER_AUTHORITY


def folder(instance: Instance) -> Path:
    """Where keys and certificates are; only root may enter."""
    return instance.state / "pki"


def kubeconfig(instance: Instance, user: str) -> Path:
    """The kubeconfig of a component ("kube-scheduler", "n1", ...)."""
    return instance.kubeconfig if user == "admin" else folder(instance) / f"{user}.kubeconfig"


def ensure(instance: Instance) -> None:
    """Makes what is missing; what exists is left as it is."""
    place = folder(instance)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for authority in (CLUSTER_AUTHORITY, ETCD_AUTHORITY):
        if not (place / f"{authority}.crt").exists():
            _make_authority(place, authority)
    if not (place / SERVICE_ACCOUNT_KEY).exists():
        _write(place / SERVICE_ACCOUNT_KEY, _pem(ec.generate_private_key(ec.SECP256R1())))
    for certificate in _servers(instance):
        _ensure_certificate(place, certificate)
    for certificate in _users(instance):
        _ensure_certificate(place, certificate)
        target = kubeconfig(instance, certificate.file)
        if not target.exists():
            _write(target, _kubeconfig(instance, certificate.file))


def _servers(instance: Instance) -> tuple[Certificate, ...]:
    bridge, services = instance.bridge_address, instance.networks.services
    kubernetes = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    return (
        Certificate("etcd", "etcd", addresses=[bridge], authority=ETCD_AUTHORITY),
        Certificate("kube-apiserver-etcd-client", "kube-apiserver", authority=ETCD_AUTHORITY),
        Certificate("kube-apiserver", "kube-apiserver", names=kubernetes, addresses=[bridge, services[1]]),
        Certificate("kube-apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
    )


def _users(instance: Instance) -> tuple[Certificate, ...]:
    nodes = (
        Certificate(node, f"system:node:{node}", "system:nodes", [node], [instance.node_address(node)])
        for node in instance.node_names
    )
    return (
        Certificate("admin", "admin", "system:masters"),
        Certificate("kube-controller-manager", "system:kube-controller-manager"),
        Certificate("kube-scheduler", "system:kube-scheduler"),
        Certificate("kube-proxy", "system:kube-proxy"),
        Certificate("coredns", "jellyfin-ha:coredns"),
        *nodes,
    )


def _make_authority(place: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"jellyfin-ha lab {name}")])
    built = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(place / f"{name}.key", _pem(key))
    _write(place / f"{name}.crt", built.public_bytes(serialization.Encoding.PEM))


def _ensure_certificate(place: Path, wanted: Certificate) -> None:
    if (place / f"{wanted.file}.crt").exists():
        return
    issuer = x509.load_pem_x509_certificate((place / f"{wanted.authority}.crt").read_bytes())
    issuer_key = serialization.load_pem_private_key((place / f"{wanted.authority}.key").read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name)]
    if wanted.group:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, wanted.group))
    builder = _builder(x509.Name(subject), issuer.subject, key.public_key()).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )
    alternatives = [
        *(x509.DNSName(name) for name in wanted.names),
        *(x509.IPAddress(address) for address in wanted.addresses),
    ]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    built = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    ).sign(issuer_key, hashes.SHA256())
    # The certificate last: it is what says that the pair is whole.
    _write(place / f"{wanted.file}.key", _pem(key))
    _write(place / f"{wanted.file}.crt", built.public_bytes(serialization.Encoding.PEM))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
    )


def _kubeconfig(instance: Instance, user: str) -> bytes:
    place = folder(instance)
    cluster = f"jellyfin-ha-{instance.id}"

    def inline(name: str) -> str:
        return base64.b64encode((place / name).read_bytes()).decode()

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": instance.api_url, "certificate-authority-data": inline("ca.crt")}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": inline(f"{user}.crt"),
                    "client-key-data": inline(f"{user}.key"),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    return yaml.safe_dump(content, sort_keys=False).encode()


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    written = path.with_name(path.name + ".new")
    written.touch(mode=0o600)
    written.write_bytes(content)
    written.replace(path)
