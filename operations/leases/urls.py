"""What a URL of a Redis must look like."""

from urllib.parse import SplitResult, parse_qsl, urlsplit

SENTINEL = "+sentinel"
SCHEMES = ("redis", "rediss", "unix", f"redis{SENTINEL}", f"rediss{SENTINEL}")
FORM = (
    "redis://[user]:password@host:port/0, rediss:// for TLS, unix:///path, or "
    "redis+sentinel://[user]:password@host:26379,host:26379/name-of-the-master"
)
# Where redis-py would look for them too, and where they would be shown.
ACCESS = frozenset({"username", "password", "credential_provider"})


def wrong_with(url: str) -> str:
    """What is wrong with a URL, without a word of it, since any may be of the password. Empty when nothing is."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            return f"its scheme is none of {', '.join(SCHEMES)}"
        if parts.fragment or "@" in parts.query or ("@" in parts.path and parts.scheme != "unix"):
            return "in user, password and query write %2F for /, %23 for #, %3F for ? and %40 for @"
        if ACCESS & {name for name, _ in parse_qsl(parts.query)}:
            return "user and password stand before the host, not in the query"
        return _wrong_path(parts) or _wrong_hosts(parts)
    except ValueError:
        return "it is no URL"


def _wrong_path(parts: SplitResult) -> str:
    path = parts.path.strip("/")
    if parts.scheme == "unix":
        return "" if path else "it names no socket"
    if parts.scheme.endswith(SENTINEL):
        master, _, path = path.partition("/")
        if not master:
            return "it names no master"
    return "" if not path or path.isdecimal() else "its database is no number"


def _wrong_hosts(parts: SplitResult) -> str:
    if parts.scheme == "unix":
        return ""
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if len(hosts) > 1 and not parts.scheme.endswith(SENTINEL):
        return "it names several hosts, which only Sentinels are"
    for host in hosts:
        one = urlsplit(f"//{host}")
        if not one.hostname:
            return "it names no host"
        try:
            _ = one.port
        except ValueError:
            return "a port is no number up to 65535"
    return ""
