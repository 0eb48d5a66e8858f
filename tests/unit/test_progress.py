"""Long work tells how far it is without filling a log."""

from __future__ import annotations

import pytest

from jellyfin_ha.operations import progress


def test_lines_come_now_and_then_with_the_share_done_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    lines: list[str] = []
    tell = progress.in_lines(lines.append)
    for now, message, fraction in (
        (101.0, "beginning", 0.0),
        (115.0, "copying Users", 0.25),
        (116.0, "copying more", 0.3),
        (130.0, "thinking", None),
        (160.0, "verifying Users", 0.75),
    ):
        tell(message, fraction)
    assert lines == ["copying Users 25%, 45 s left", "thinking", "verifying Users 75%, 20 s left"]
