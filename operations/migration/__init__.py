"""Moving one server's SQLite library into PostgreSQL: every row, every value, or nothing at all."""

from .problems import RefusedError
from .record import MigrationRecord, read_record
from .result import REPORT_VERSION, MigrationResult, Outcome
from .run import migrate
from .source import check_source
from .transfer import Options

__all__ = [
    "REPORT_VERSION",
    "MigrationRecord",
    "MigrationResult",
    "Options",
    "Outcome",
    "RefusedError",
    "check_source",
    "migrate",
    "read_record",
]
