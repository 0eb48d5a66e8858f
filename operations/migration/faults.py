"""What PostgreSQL's errors mean to somebody who migrates."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from ..errors import UserError
from .session import LOCK_SECONDS, LOST

UNCHANGED = "Nothing was changed."
# Classes of SQLSTATE: insufficient resources (no memory), program limit exceeded. psycopg counts them with
# failed connections.
AT_A_LIMIT = frozenset({"53", "54"})


@contextmanager
def explained() -> Generator[None]:
    """Turn what PostgreSQL refuses inside the block into a `UserError`, exit code 1."""
    try:
        yield
    except errors.LockNotAvailable as error:
        raise UserError(
            f"a table of the target was in use for {LOCK_SECONDS} s. {UNCHANGED} Stop every server that runs on "
            "the target, then try again."
        ) from error
    except errors.IntegrityError as error:
        found = error.diag.message_detail or error.diag.message_primary or str(error)
        raise UserError(
            f"the target refuses a row of table {error.diag.table_name}: {found} "
            f"({error.diag.constraint_name or error.diag.column_name}). {UNCHANGED} Repair the row in a copy of "
            "jellyfin.db and migrate the copy."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise UserError(
            f"the target's role may not do this: {error.diag.message_primary}. {UNCHANGED} Connect as the owner "
            "of the database and of the server's tables."
        ) from error
    except errors.DiskFull as error:
        raise UserError(
            f"the target's disk is full: {error.diag.message_primary}. {UNCHANGED} Make room where PostgreSQL keeps "
            "its data and its log, for the whole library beside what is there, then try again."
        ) from error
    except psycopg.OperationalError as error:
        if (error.sqlstate or "")[:2] in AT_A_LIMIT:
            raise UserError(
                f"the target's server is at a limit: {error}. {UNCHANGED} Raise the limit, then try again."
            ) from error
        if error.sqlstate is not None and not error.sqlstate.startswith(LOST):
            raise _refused(error) from error
        raise UserError(
            f"the connection to the target was lost: {error.diag.message_primary or error}. {UNCHANGED} See "
            "PostgreSQL's log for the reason (a restart, a full disk, an administrator), then try again."
        ) from error
    except psycopg.Error as error:
        raise _refused(error) from error


def _refused(error: psycopg.Error) -> UserError:
    return UserError(
        f"the target refused: {error}. {UNCHANGED} See its log; its schema must be the one the server made."
    )
