"""The XML settings: read once when the process starts, missing files written with defaults.

As in Jellyfin, a file is written by truncating it, and a `system.xml` that cannot be read is replaced by defaults:
two processes that share a config folder can hurt each other this way. Jellyfin also writes a `system.xml` anew that
lacks settings; this server does so only for the one that says whether somebody has set it up.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

XmlValue = str | list[str]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WIZARD = "IsStartupWizardCompleted"

_SYSTEM: Mapping[str, XmlValue] = {
    WIZARD: "false",
    "ServerName": "",
    "EnableMetrics": "false",
    "QuickConnectAvailable": "true",
    "EnableLegacyAuthorization": "true",
    "MinResumePct": "5",
    "MaxResumePct": "90",
    "MinResumeDurationSeconds": "300",
    "CacheSize": "",
}
_ENCODING: Mapping[str, XmlValue] = {"TranscodingTempPath": "", "EncodingThreadCount": "-1"}
_NETWORK: Mapping[str, XmlValue] = {
    "InternalHttpPort": "8096",
    "LocalNetworkAddresses": [],
    "KnownProxies": [],
}


@dataclass(frozen=True)
class Configuration:
    """The settings this server knows, from system.xml, encoding.xml and network.xml."""

    wizard_completed: bool
    server_name: str
    enable_metrics: bool
    quick_connect_available: bool
    legacy_authorization: bool
    min_resume_percent: float
    max_resume_percent: float
    min_resume_seconds: int
    cache_size: int
    transcode_dir: Path
    http_port: int
    bind_address: str
    known_proxies: tuple[Network, ...]


def load_configuration(config_dir: Path, cache_dir: Path) -> Configuration:
    """Reads the three files, and writes what is missing.

    Args:
        config_dir: the folder of the XML files; made if missing.
        cache_dir: where transcodes go when encoding.xml names no other place.

    Raises:
        ValueError: a value is not of its kind (a port that is no number, a proxy that is no address).
    """
    config_dir.mkdir(parents=True, exist_ok=True)
    system = _load(config_dir / "system.xml", "ServerConfiguration", _SYSTEM, replace_broken=True)
    encoding = _load(config_dir / "encoding.xml", "EncodingOptions", _ENCODING)
    network = _load(config_dir / "network.xml", "NetworkConfiguration", _NETWORK)
    addresses = _list(network, "LocalNetworkAddresses")
    return Configuration(
        wizard_completed=_flag(system, WIZARD),
        server_name=_text(system, "ServerName") or os.uname().nodename,
        enable_metrics=_flag(system, "EnableMetrics"),
        quick_connect_available=_flag(system, "QuickConnectAvailable"),
        legacy_authorization=_flag(system, "EnableLegacyAuthorization"),
        min_resume_percent=float(_text(system, "MinResumePct")),
        max_resume_percent=float(_text(system, "MaxResumePct")),
        min_resume_seconds=int(_text(system, "MinResumeDurationSeconds")),
        cache_size=int(_text(system, "CacheSize") or 100 * (os.cpu_count() or 1)),
        transcode_dir=Path(_text(encoding, "TranscodingTempPath") or cache_dir / "transcodes"),
        http_port=int(_text(network, "InternalHttpPort")),
        bind_address=addresses[0] if addresses else "0.0.0.0",
        known_proxies=tuple(ipaddress.ip_network(p, strict=False) for p in _list(network, "KnownProxies")),
    )


def _load(
    path: Path, root: str, defaults: Mapping[str, XmlValue], *, replace_broken: bool = False
) -> dict[str, XmlValue]:
    values = dict(defaults)
    try:
        found = _read(path)
        values.update(found)
        if replace_broken and WIZARD not in found:
            _write(path, root, {**found, WIZARD: values[WIZARD]})
        return values
    except FileNotFoundError:
        _write(path, root, values)
    except (OSError, ElementTree.ParseError):
        if replace_broken:
            _write(path, root, values)
    return values


def _read(path: Path) -> dict[str, XmlValue]:
    values: dict[str, XmlValue] = {}
    for element in ElementTree.fromstring(path.read_text("utf-8")):
        texts = [child.text or "" for child in element if child.tag == "string"]
        values[element.tag] = texts if texts else (element.text or "").strip()
    return values


def _write(path: Path, root: str, values: Mapping[str, XmlValue]) -> None:
    tree = ElementTree.Element(root)
    for name, value in values.items():
        element = ElementTree.SubElement(tree, name)
        if isinstance(value, list):
            for text in value:
                ElementTree.SubElement(element, "string").text = text
        else:
            element.text = value
    ElementTree.indent(tree)
    path.write_text(ElementTree.tostring(tree, "unicode", xml_declaration=True) + "\n", "utf-8")


def _text(values: Mapping[str, XmlValue], name: str) -> str:
    value = values[name]
    return value if isinstance(value, str) else ""


def _list(values: Mapping[str, XmlValue], name: str) -> list[str]:
    value = values[name]
    return value if isinstance(value, list) else []


def _flag(values: Mapping[str, XmlValue], name: str) -> bool:
    return _text(values, name).lower() == "true"
