"""Moving one server's SQLite library into PostgreSQL: every row, every value, or nothing at all."""

from .record import MigrationRecord, read_record
from .result import MigrationResult
from .run import migrate
from .source import check_source

__all__ = ["MigrationRecord", "MigrationResult", "check_source", "migrate", "read_record"]
