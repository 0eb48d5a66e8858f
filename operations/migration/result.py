"""What a migration did, for people and for programs."""

from collections.abc import Mapping
from dataclasses import dataclass

from .record import MigrationRecord


@dataclass(frozen=True)
class MigrationResult:
    """What a migration did.

    Args:
        record: what the target remembers of it.
        already_migrated: true when this source had been migrated before and nothing was done now.
    """

    record: MigrationRecord
    already_migrated: bool

    @property
    def rows(self) -> int:
        """How many rows were copied."""
        return self.record.rows

    @property
    def rows_by_table(self) -> Mapping[str, int]:
        """How many rows each table got."""
        rows = self.record.report["rows"]
        return {str(name): int(count) for name, count in rows.items()} if isinstance(rows, dict) else {}

    @property
    def cut_timestamps(self) -> int:
        """How many times lost a 7th digit of a second that was not zero."""
        return int(str(self.record.report["timestamps_cut_to_microseconds"]))

    @property
    def differences(self) -> tuple[str, ...]:
        """Tables and columns that only one side has, in words."""
        found = self.record.report["differences"]
        return tuple(str(text) for text in found) if isinstance(found, list) else ()

    def summary(self) -> str:
        """The result in a few lines, for people."""
        if self.already_migrated:
            moment = self.record.finished_at.strftime("%Y-%m-%d %H:%M:%S %Z")
            return f"This library was migrated on {moment}: {self.rows} rows. Nothing to do."
        filled = sum(1 for count in self.rows_by_table.values() if count)
        seconds = (self.record.finished_at - self.record.started_at).total_seconds()
        lines = [f"Migrated and verified {self.rows} rows of {filled} tables in {seconds:.1f} s."]
        if self.cut_timestamps:
            lines.append(f"{self.cut_timestamps} times lost the 7th digit of a second: PostgreSQL holds 6.")
        return "\n".join([*lines, *self.differences])
