"""Says at the end how many attempts at a sequence failed: one that fails with XRuns is played again."""

from __future__ import annotations

import pytest

FAILED_ATTEMPTS = "attempts that failed"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for reports in terminalreporter.stats.values() for r in reports if getattr(r, "when", "") == "call"]
    counts = [count for report in reports for name, count in report.user_properties if name == FAILED_ATTEMPTS]
    if counts:
        first, failed_attempts = sum(map(bool, counts)), sum(counts)
        terminalreporter.write_line(
            f"soak: {first} of {len(counts)} failed at the first attempt, {failed_attempts} attempts in all"
        )
