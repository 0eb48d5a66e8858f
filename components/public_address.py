"""The address under which clients reach the servers, and what nobody may ask for under it."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

DENIED = r"(?i)^/(?:.*/)?(?:system/(?:restart|shutdown)|startup/[^/]+|metrics)/*$"
"""The paths that are never let in: a regular expression (RE2) of a whole path.

In any case of letters, as the server's own routing knows none, and behind any prefix, as it leaves out its Base URL,
`/emby` and `/mediabrowser`. `/System/Restart` wants no token from an address that the server takes for a neighbour's,
`/Startup/...` lets anybody make the first user while the server takes itself for a new one, and `/metrics` is open.
"""

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?!.*\.[0-9]+$)(?!.{{254}}){_LABEL}(\.{_LABEL})*")  # RFC 1123
_BASE = re.compile(r"(/[A-Za-z0-9._~-]+)*")  # the unreserved characters of RFC 3986


@dataclass(frozen=True)
class PublicAddress:
    """The parts of the URL under which clients reach the servers.

    Args:
        secure: whether it is https.
        host: a DNS name in lower case.
        port: the one in the URL; None for the scheme's own.
        base: the path in front of all of the server's, "" or such as "/jellyfin": the server's own Base URL.
    """

    secure: bool
    host: str
    port: int | None
    base: str

    @classmethod
    def of(cls, url: str) -> "PublicAddress":
        """The parts of a URL such as https://media.example.org/jellyfin.

        Raises:
            ValueError: it has another form; its host is an IP address, for one, by which no ingress finds a server.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise _unfit(url) from None
        named = parts.scheme in ("http", "https") and _DNS_NAME.fullmatch(host) and _BASE.fullmatch(parts.path)
        if not named or parts.query or parts.fragment or parts.username:
            raise _unfit(url)
        return cls(secure=parts.scheme == "https", host=host, port=port, base=parts.path)


def _unfit(url: str) -> ValueError:
    return ValueError(f"expected http(s)://<DNS name>[:<port>][/<path>], found {url!r}")
