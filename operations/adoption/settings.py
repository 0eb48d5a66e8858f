"""Settings that were right for one server on its own machine and may not be in a cluster: named, never changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .documents import Unreadable, read_document, text_of

JELLYFIN_PORT = "8096"


@dataclass(frozen=True, slots=True)
class NewServers:
    """Where the new servers have what, in their containers.

    Args:
        config: their data folder, on the shared volume.
        transcode: where each writes transcodes.
        cache: where each has its cache.
    """

    config: str
    transcode: str
    cache: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should look at.

    Args:
        file: in the official image's layout.
        name: the setting, or what it is about.
        value: what it says.
        advice: what it means in a cluster, and what to do.
    """

    file: str
    name: str
    value: str
    advice: str


@dataclass(frozen=True, slots=True)
class _Check:
    file: str
    name: str
    unfit: Callable[[str], bool]
    advice: str


def find_settings(config: Path, new: NewServers) -> tuple[Finding, ...]:
    """Read the settings and name those to look at. A file that is no XML is named too."""
    findings: list[Finding] = []
    checks = _checks(new)
    for file in dict.fromkeys(check.file for check in checks):
        path = config / file
        if not path.is_file():
            continue
        root = read_document(path)
        if isinstance(root, Unreadable):
            continue  # All XML files are looked at together, elsewhere.
        for check in checks:
            value = text_of(root, check.name) if check.file == file else ""
            if check.file == file and check.unfit(value):
                findings.append(Finding(f"config/{file}", check.name, value, check.advice))
    return tuple(findings)


def server_name(config: Path) -> str:
    """What the old server calls itself, or nothing."""
    root = read_document(config / "system.xml")
    return "" if isinstance(root, Unreadable) else text_of(root, "ServerName")


def _set(value: str) -> bool:
    return value != ""


def _true(value: str) -> bool:
    return value.lower() == "true"


def _false(value: str) -> bool:
    return value.lower() == "false"


def _outside(folder: str) -> Callable[[str], bool]:
    return lambda value: value.startswith(("/", "\\")) and value != folder and not value.startswith(folder + "/")


def _checks(new: NewServers) -> Sequence[_Check]:
    own = _outside(new.config)
    port = "the servers' Service and probes use 8096, and would find nothing: set 8096"
    volume = f"the new servers have no such folder: leave it empty, or a folder below {new.config}"
    recordings = "the new servers see media read-only, at other paths perhaps: recordings fail there"
    return (
        _Check("system.xml", "IsStartupWizardCompleted", lambda value: not _true(value), "set-up was never ended"),
        _Check("system.xml", "MetadataPath", own, volume),
        _Check("system.xml", "CachePath", _outside(new.cache), f"leave it empty: each server has {new.cache}"),
        _Check(
            "encoding.xml",
            "TranscodingTempPath",
            lambda value: value != new.transcode,
            f"each server has a volume for transcodes at {new.transcode}: set that; empty means {new.cache}/transcodes",
        ),
        _Check("encoding.xml", "EncoderAppPath", _set, "the new image must have this ffmpeg"),
        _Check(
            "encoding.xml",
            "HardwareAccelerationType",
            lambda value: value.lower() not in ("", "none"),
            "transcoding fails on a node whose pod has no such device",
        ),
        _Check("network.xml", "BaseUrl", _set, "the ingress must forward this prefix, and server.url contain it"),
        _Check("network.xml", "KnownProxies", _set, "name the cluster's ingress: these were the old machine's proxies"),
        _Check("network.xml", "LocalNetworkAddresses", _set, "no pod has this address, so nothing listens: empty it"),
        _Check("network.xml", "LocalNetworkSubnets", _set, "clients come from the ingress' or node's address"),
        _Check("network.xml", "RemoteIPFilter", _set, "clients come from the ingress' or node's address"),
        _Check("network.xml", "EnableRemoteAccess", _false, "clients that come through the ingress may be refused"),
        _Check("network.xml", "InternalHttpPort", lambda value: value not in ("", JELLYFIN_PORT), port),
        _Check("network.xml", "EnableHttps", _true, "the ingress ends TLS: switch it off"),
        _Check("network.xml", "RequireHttps", _true, "plain probes and the ingress are redirected: switch it off"),
        _Check("network.xml", "CertificatePath", _set, "a file of the old machine; the ingress has the certificate"),
        _Check("network.xml", "PublishedServerUriBySubnet", _set, "clients are sent to the old machine's address"),
        _Check("network.xml", "AutoDiscovery", _true, "a broadcast does not reach pods: clients need the URL"),
        _Check("network.xml", "EnableUPnP", _true, "a pod opens no port in a home router"),
        _Check("livetv.xml", "RecordingPath", _set, recordings),
        _Check("livetv.xml", "MovieRecordingPath", _set, recordings),
        _Check("livetv.xml", "SeriesRecordingPath", _set, recordings),
    )
