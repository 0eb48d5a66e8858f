"""A preview, judged by the rules and by what the stack file acknowledges."""

from collections.abc import Collection
from dataclasses import dataclass

from .changes import Change, changes_of
from .digest import Preview
from .rules import RULES, Flag, unpinned_images


@dataclass(frozen=True)
class Risk:
    """One rule that applies to one change.

    Args:
        flag: what kind of risk it is.
        change: what has it.
        words: what it means.
        acknowledged: the stack file says that this is wanted; only data loss is ever acknowledged.
    """

    flag: Flag
    change: Change
    words: str
    acknowledged: bool


@dataclass(frozen=True)
class Judgement:
    """What a preview means.

    Args:
        preview: the preview.
        changes: with their risks, the worst first.
        stale: acknowledged names of which nothing in this preview loses data, sorted.
    """

    preview: Preview
    changes: tuple[tuple[Change, tuple[Risk, ...]], ...]
    stale: tuple[str, ...]

    @property
    def risks(self) -> list[Risk]:
        """All risks, the worst first; of data loss, what is not acknowledged first."""
        found = [risk for _, risks in self.changes for risk in risks]
        return sorted(found, key=lambda risk: (_severity(risk.flag), risk.acknowledged))

    @property
    def unacknowledged(self) -> list[str]:
        """The names of the resources that lose data without anybody having said that this is wanted, sorted."""
        lost = (risk for risk in self.risks if risk.flag is Flag.DATA_LOSS and not risk.acknowledged)
        return sorted({risk.change.name for risk in lost})


def judge(preview: Preview, *, acknowledged: Collection[str] = ()) -> Judgement:
    """Looks for risks.

    Args:
        preview: what would be done.
        acknowledged: names of resources whose data may be lost.
    """
    judged = [(change, _risks(change, acknowledged)) for change in changes_of(preview)]
    judged.sort(key=lambda pair: min((_severity(risk.flag) for risk in pair[1]), default=len(Flag)))
    lost = {change.name for change, risks in judged if any(risk.flag is Flag.DATA_LOSS for risk in risks)}
    # A preview that failed has not looked at everything.
    stale = set() if preview.errors else set(acknowledged) - lost
    return Judgement(preview=preview, changes=tuple(judged), stale=tuple(sorted(stale)))


def _risks(change: Change, acknowledged: Collection[str]) -> tuple[Risk, ...]:
    return tuple(
        Risk(
            flag=rule.flag,
            change=change,
            words=rule.words.replace("{images}", ", ".join(unpinned_images(change))),
            acknowledged=rule.flag is Flag.DATA_LOSS and change.name in acknowledged,
        )
        for rule in RULES
        if rule.applies(change)
    )


def _severity(flag: Flag) -> int:
    return list(Flag).index(flag)
