"""Checks of Jellyfin's password hashes."""

import hashlib
import hmac

_DIGESTS = {"PBKDF2-SHA512": ("sha512", 64), "PBKDF2": ("sha1", 32)}


def matches(stored: str | None, password: str) -> bool:
    """Whether a password fits `Users.Password`.

    Args:
        stored: `$PBKDF2-SHA512$iterations=N$SALTHEX$HASHHEX`, the older `$PBKDF2$…` (SHA-1), or nothing: then
            only the empty password fits.
        password: what the user typed.
    """
    if not stored:
        return not password
    _, scheme, parameters, salt, expected = stored.split("$")
    digest, length = _DIGESTS[scheme]
    iterations = int(dict(p.split("=") for p in parameters.split(","))["iterations"])
    actual = hashlib.pbkdf2_hmac(digest, password.encode(), bytes.fromhex(salt), iterations, length)
    return hmac.compare_digest(actual, bytes.fromhex(expected))
