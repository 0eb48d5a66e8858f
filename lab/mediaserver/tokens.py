"""Log-in tokens: rows of `Devices`, read once when the process starts.

A token that another process issues later is unknown here until this process starts anew, and one that another
process deletes stays good here. API keys are looked up in the database at each request.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from .database import Database
from .settings import TokenMode

# How old `DateLastActivity` must be before a request writes it anew.
ACTIVITY_AGE = timedelta(minutes=3)

_SELECT = (
    'SELECT "Id" AS row_id, "UserId" AS user_id, "AccessToken" AS token, "AppName" AS client, '
    '"AppVersion" AS version, "DeviceName" AS device, "DeviceId" AS device_id, '
    '"DateLastActivity" AS last_activity FROM "Devices"'
)


@dataclass(frozen=True)
class Device:
    """One log-in: a user on a device."""

    row_id: int
    user_id: UUID
    token: str
    client: str
    version: str
    device: str
    device_id: str
    last_activity: datetime


@dataclass(frozen=True)
class ApiKey:
    """An application's key: administrator rights, no user."""

    name: str
    token: str


class RowIsGone(Exception):
    """A row that this process remembers was deleted by another."""


@dataclass(frozen=True)
class _RowId:
    row_id: int


class Tokens:
    """The tokens this process knows."""

    def __init__(self, database: Database, mode: TokenMode) -> None:
        self._database = database
        self._mode = mode
        self._devices: dict[str, Device] = {}

    async def load(self) -> int:
        """Takes the snapshot; returns how many there are."""
        self._devices = {device.token: device for device in await self._database.fetch(Device, _SELECT)}
        return len(self._devices)

    async def find(self, token: str) -> Device | None:
        """The log-in a token stands for, as far as this process knows."""
        if self._mode == "snapshot":
            return self._devices.get(token)
        rows = await self._database.fetch(Device, _SELECT + ' WHERE "AccessToken" = %s', (token,))
        return rows[0] if rows else None

    async def find_key(self, token: str) -> ApiKey | None:
        """The API key of that value, from the database."""
        statement = 'SELECT "Name" AS name, "AccessToken" AS token FROM "ApiKeys" WHERE "AccessToken" = %s LIMIT 1'
        rows = await self._database.fetch(ApiKey, statement, (token,))
        return rows[0] if rows else None

    def earlier(self, user_id: UUID, device_id: str) -> list[Device]:
        """The log-ins of that user on that device which this process knows."""
        known = self._devices.values()
        return [d for d in known if d.user_id == user_id and d.device_id == device_id]

    async def issue(self, user_id: UUID, client: str, version: str, device: str, device_id: str) -> Device:
        """Writes and remembers a new log-in."""
        now = datetime.now(UTC)
        token = uuid4().hex
        rows = await self._database.fetch(
            _RowId,
            'INSERT INTO "Devices" ("UserId", "AccessToken", "AppName", "AppVersion", "DeviceName", "DeviceId", '
            '"IsActive", "DateCreated", "DateModified", "DateLastActivity") '
            'VALUES (%s, %s, %s, %s, %s, %s, TRUE, %s, %s, %s) RETURNING "Id" AS row_id',
            (user_id, token, client[:64], version[:32], device[:64], device_id[:256], now, now, now),
        )
        issued = Device(rows[0].row_id, user_id, token, client, version, device, device_id, now)
        self._devices[token] = issued
        return issued

    async def touch(self, device: Device, name: str, version: str) -> Device:
        """Writes that a device was seen, when its name or version changed or the last note of it is old.

        Raises:
            RowIsGone: another process deleted the log-in; the note is kept here all the same, so that the next
                requests of the following minutes pass.
        """
        now = datetime.now(UTC)
        same = device.device == name and device.version == version
        if same and now - device.last_activity <= ACTIVITY_AGE:
            return device
        seen = replace(device, device=name, version=version, last_activity=now)
        self._devices[device.token] = seen
        touched = await self._database.execute(
            'UPDATE "Devices" SET "DeviceName" = %s, "AppVersion" = %s, "DateLastActivity" = %s, '
            '"DateModified" = %s WHERE "Id" = %s',
            (name[:64], version[:32], now, now, device.row_id),
        )
        if touched == 0:
            raise RowIsGone(f"no row {device.row_id} in Devices")
        return seen

    async def revoke(self, device: Device) -> None:
        """Forgets and deletes a log-in.

        Raises:
            RowIsGone: another process had deleted it already.
        """
        self._devices.pop(device.token, None)
        if await self._database.execute('DELETE FROM "Devices" WHERE "Id" = %s', (device.row_id,)) == 0:
            raise RowIsGone(f"no row {device.row_id} in Devices")
