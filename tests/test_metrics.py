"""What is measured of a message depends on its cause."""

import pytest

from daemon.metrics import GRID, OTHER, THRU, Cause, CauseKind, Metrics
from daemon.music.events import TICK, note_off, note_on


def counts(metrics: Metrics) -> dict[str, int]:
    histograms = {"lateness": metrics.lateness, "ticks": metrics.ticks, "thru": metrics.thru, **metrics.latency}
    return {name: histogram.count for name, histogram in histograms.items() if histogram.count}


def test_each_cause_is_measured_in_its_own_histogram() -> None:
    metrics, answer = Metrics(), Cause(CauseKind.ANSWER, "choir", stamp=1.0)
    for cause in (GRID, THRU, OTHER, answer):
        for message in (note_on(1, 60, 90), note_off(1, 60)):
            metrics.measure(message, 1.25, cause, 1.5)
    metrics.measure(bytes((TICK,)), 1.25, GRID, 1.5)
    assert counts(metrics) == {"lateness": 1, "ticks": 1, "thru": 2, "choir": 1}
    assert metrics.latency["choir"].maximum == pytest.approx(0.5)
    assert metrics.lateness.maximum == pytest.approx(0.25)
