"""What a migration did, for people and for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from .record import MigrationRecord
from .repairs import Repair
from .transfer import Transfer

# The form that docs/migration.md describes; raised when a reader of the old form would misread the new one.
REPORT_VERSION = 1


class Outcome(StrEnum):
    """How a migration ended well."""

    MIGRATED = "migrated"
    ALREADY_MIGRATED = "already migrated"
    DRY_RUN = "dry run"


def report_of(done: Transfer) -> dict[str, object]:
    """What the target keeps of a migration beside its record's own columns, as JSON."""
    return {
        "rows": dict(done.rows),
        "timestamps_cut_to_microseconds": done.cut_moments,
        "differences": list(done.differences),
        "repairs": [_repair(repair) for repair in done.repairs],
        "seconds": dict(done.seconds),
    }


def _repair(repair: Repair) -> dict[str, object]:
    return {
        "table": repair.table,
        "key": list(repair.key),
        "column": repair.column,
        "rule": repair.rule.value,
        "found": repair.found,
        "became": repair.became,
    }


@dataclass(frozen=True)
class MigrationResult:
    """What a migration did.

    Args:
        record: what the target remembers of it, or, after a dry run, would.
        outcome: how it ended.
    """

    record: MigrationRecord
    outcome: Outcome

    @property
    def already_migrated(self) -> bool:
        """Whether this source had been migrated before, so that nothing was done now."""
        return self.outcome is Outcome.ALREADY_MIGRATED

    @property
    def rows(self) -> int:
        """How many rows were copied."""
        return self.record.rows

    @property
    def rows_by_table(self) -> Mapping[str, int]:
        """How many rows each table got."""
        return cast(Mapping[str, int], self.record.report["rows"])

    @property
    def cut_timestamps(self) -> int:
        """How many timestamps lost a 7th digit of a second that was not zero."""
        return cast(int, self.record.report["timestamps_cut_to_microseconds"])

    @property
    def differences(self) -> tuple[str, ...]:
        """Tables and columns that only one side has, in words."""
        return tuple(cast(list[str], self.record.report["differences"]))

    @property
    def repairs(self) -> tuple[Mapping[str, object], ...]:
        """What could not arrive as it was, in the report's form."""
        # A migration by an earlier version refused what this one repairs.
        return tuple(cast(list[Mapping[str, object]], self.record.report.get("repairs", [])))

    def report(self) -> dict[str, object]:
        """Everything, in the form that docs/migration.md describes."""
        return {
            "report_version": REPORT_VERSION,
            "outcome": self.outcome.value,
            "source_fingerprint": self.record.source_fingerprint,
            "versions": dict(self.record.versions),
            "started_at": self.record.started_at.isoformat(),
            "finished_at": self.record.finished_at.isoformat(),
            "total_rows": self.rows,
            **self.record.report,
        }

    def summary(self) -> str:
        """The result in a few lines, for people."""
        if self.already_migrated:
            moment = self.record.finished_at.strftime("%Y-%m-%d %H:%M:%S %Z")
            return f"This library was migrated on {moment}: {self.rows} rows. Nothing to do."
        filled = sum(1 for count in self.rows_by_table.values() if count)
        seconds = (self.record.finished_at - self.record.started_at).total_seconds()
        done = "Migrated and verified" if self.outcome is Outcome.MIGRATED else "Copied, verified and rolled back"
        lines = [f"{done} {self.rows} rows of {filled} tables in {seconds:.1f} s."]
        if self.cut_timestamps:
            lines.append(f"{self.cut_timestamps} timestamps lost the 7th digit of a second: PostgreSQL holds 6.")
        for rule in sorted({str(repair["rule"]) for repair in self.repairs}):
            count = sum(repair["rule"] == rule for repair in self.repairs)
            lines.append(f"{count} repaired by the rule '{rule}'; the report lists each.")
        return "\n".join([*lines, *self.differences])
