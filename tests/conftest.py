"""Rules for every test run."""

import pytest


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run with a skipped test has not shown what it says it shows: it fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} skipped: the run fails", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
