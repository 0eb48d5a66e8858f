"""The connection pool to PostgreSQL."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import LiteralString, TypeAlias, TypeVar
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from .settings import DatabaseAddress

Statement: TypeAlias = LiteralString | sql.SQL | sql.Composed
Value: TypeAlias = str | int | float | bool | UUID | datetime | Sequence[UUID] | Sequence[str] | None
T = TypeVar("T")

CONNECT_SECONDS = 5
# The plugin's POSTGRES_COMMAND_TIMEOUT default.
STATEMENT_MILLISECONDS = 30_000
MAX_CONNECTIONS = 10


class Database:
    """Runs statements; connections that died are noticed by the statement that meets them, as in Jellyfin."""

    def __init__(self, address: DatabaseAddress, application_name: str) -> None:
        self._conninfo = make_conninfo(
            host=address.host,
            port=address.port,
            dbname=address.name,
            user=address.user,
            password=address.password,
            connect_timeout=CONNECT_SECONDS,
            application_name=application_name[:63],
            options=f"-c statement_timeout={STATEMENT_MILLISECONDS} -c TimeZone=UTC",
        )
        self._pool = AsyncConnectionPool(
            self._conninfo,
            open=False,
            min_size=1,
            max_size=MAX_CONNECTIONS,
            timeout=CONNECT_SECONDS,
            kwargs={"autocommit": True},
        )

    async def open(self) -> None:
        """Connects.

        Raises:
            psycopg.OperationalError: the database does not answer.
        """
        connection = await psycopg.AsyncConnection.connect(self._conninfo)
        await connection.close()
        await self._pool.open(wait=True, timeout=CONNECT_SECONDS * 2)

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.close(timeout=CONNECT_SECONDS)

    async def can_connect(self) -> bool:
        """Whether a new connection can be made now."""
        try:
            connection = await psycopg.AsyncConnection.connect(self._conninfo)
        except psycopg.Error:
            return False
        await connection.close()
        return True

    async def fetch(self, shape: type[T], statement: Statement, values: Sequence[Value] = ()) -> list[T]:
        """Rows as instances of a class whose fields are named like the result's columns."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(shape)) as cursor,
        ):
            await cursor.execute(statement, values)
            return await cursor.fetchall()

    async def execute(self, statement: Statement, values: Sequence[Value] = ()) -> int:
        """Runs one statement and tells how many rows it touched."""
        async with self._pool.connection() as connection:
            return (await connection.execute(statement, values)).rowcount

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[psycopg.AsyncConnection]:
        """A connection in a transaction that is rolled back when the block fails."""
        async with self._pool.connection() as connection, connection.transaction():
            yield connection
