"""Who makes a request, as far as this process can tell."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from .auth_header import ClientIdentity
from .schema.kinds import PermissionKind
from .server import MediaServer
from .sessions import Session, session_id
from .tokens import Device
from .users import User
from .wire import ApiError, text_error

EMPTY_GUID = UUID(int=0)


@dataclass(frozen=True)
class Caller:
    """One request's origin.

    Args:
        identity: what the client tells of itself, completed from its log-in.
        address: the client's address.
        device: its log-in; None for an API key and for strangers.
        user: None for an API key, for strangers, and when the log-in's user is gone.
        is_api_key: an application with administrator rights.
    """

    identity: ClientIdentity
    address: str
    device: Device | None = None
    user: User | None = None
    is_api_key: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the token is good."""
        return self.device is not None or self.is_api_key

    @property
    def is_administrator(self) -> bool:
        """Whether elevated calls are allowed."""
        return self.is_api_key or (self.user is not None and self.user.may(PermissionKind.IS_ADMINISTRATOR))

    def user_id_or(self, asked: UUID | None) -> UUID:
        """The user a call is about.

        Raises:
            ApiError: 403 for another user's data without administrator rights; 400 when nobody is meant.
        """
        own = self.user.id if self.user else None
        if asked is None or asked == EMPTY_GUID:
            if own is None:
                raise text_error(400)
            return own
        if asked != own and not self.is_administrator:
            raise text_error(403)
        return asked

    def session(self, server: MediaServer) -> Session:
        """The caller's session, made when there is none."""
        identity = self.identity
        client, device_id = identity.client or "", identity.device_id or ""
        return server.sessions.touch(
            Session(
                id=session_id(client, device_id),
                client=client,
                device_id=device_id,
                device=identity.device or "",
                version=identity.version or "",
                user_id=self.user.id if self.user else None,
                user_name=self.user.name if self.user else None,
                address=self.address,
                last_activity=datetime.now(UTC),
            )
        )


async def find_caller(server: MediaServer, identity: ClientIdentity, address: str) -> Caller:
    """Looks the token up; a caller with an unknown one is a stranger.

    Raises:
        RowIsGone: the log-in was deleted by another process and should have been noted as seen.
        ApiError: 401, the user is disabled.
    """
    stranger = Caller(identity, address)
    if identity.token is None:
        return stranger
    device = await server.tokens.find(identity.token)
    if device is None:
        return await _find_key(server, stranger, identity.token)
    completed = replace(
        identity,
        client=identity.client or device.client,
        device=identity.device or device.device,
        device_id=identity.device_id or device.device_id,
        version=identity.version or device.version,
    )
    device = await server.tokens.touch(device, completed.device or "", completed.version or "")
    user = await server.users.by_id(device.user_id)
    if user is not None and user.may(PermissionKind.IS_DISABLED):
        raise ApiError(401)
    return Caller(completed, address, device=device, user=user)


async def _find_key(server: MediaServer, stranger: Caller, token: str) -> Caller:
    key = await server.tokens.find_key(token)
    if key is None:
        return stranger
    identity = replace(stranger.identity, client=key.name, device_id=server.id, device="")
    return replace(stranger, identity=identity, is_api_key=True)
