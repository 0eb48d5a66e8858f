"""Logging in with a password."""

import logging

from .activity import log_activity
from .auth_header import ClientIdentity
from .caller import Caller
from .passwords import matches
from .schema.kinds import PermissionKind
from .server import MediaServer
from .tokens import Device, RowIsGone
from .users import User
from .wire import problem, text_error

# Fail2ban filters match these lines: their texts and their category are Jellyfin's.
_USERS = logging.getLogger("Jellyfin.Server.Implementations.Users.UserManager")
_ERRORS = logging.getLogger("Jellyfin.Api.Middleware.ExceptionMiddleware")


async def log_in(server: MediaServer, caller: Caller, name: str | None, password: str) -> tuple[User, Device]:
    """Checks a password and issues a token.

    Raises:
        ApiError: 400 when the header or the name is incomplete, 401 for a wrong password, 403 for a disabled user.
    """
    identity = caller.identity
    if not (identity.client and identity.device and identity.device_id and identity.version):
        raise problem(400, "Client, Device, DeviceId and Version are required.")
    if not name:
        raise problem(400, "Username is required.")
    user = await server.users.by_name(name)
    if user is None or not matches(user.password, password):
        _USERS.info(
            "Authentication request for %s has been denied (IP: %s).",
            user.name if user else name,
            caller.address,
        )
        _ERRORS.error(
            "Error processing request: Invalid username or password entered. URL POST /Users/authenticatebyname."
        )
        if user is not None and await server.users.refused(user):
            _USERS.warning(
                "Disabling user %s due to %d unsuccessful login attempts.", user.name, user.invalid_logins + 1
            )
        raise text_error(401)
    if user.may(PermissionKind.IS_DISABLED):
        _USERS.info(
            "Authentication request for %s has been denied because this account is currently disabled (IP: %s).",
            user.name,
            caller.address,
        )
        raise text_error(403)
    device = await _issue(server, user, identity)
    await server.users.logged_in(user)
    _USERS.info("Authentication request for %s has succeeded.", user.name)
    await log_activity(
        server.database,
        f"{user.name} successfully authenticated",
        "AuthenticationSucceeded",
        user.id,
        f"IP address: {caller.address}",
    )
    return await server.users.by_id(user.id) or user, device


async def _issue(server: MediaServer, user: User, identity: ClientIdentity) -> Device:
    device_id = identity.device_id or ""
    for earlier in server.tokens.earlier(user.id, device_id):
        try:
            await server.tokens.revoke(earlier)
        except RowIsGone:
            _USERS.exception("Error while logging out existing session.")
    return await server.tokens.issue(
        user.id, identity.client or "", identity.version or "", identity.device or "", device_id
    )
