"""Moving a deployment to another version of the server, and back when that fails."""

from .schema import record_schema
from .steps import Target, begin, finish, give_up

__all__ = ["Target", "begin", "finish", "give_up", "record_schema"]
