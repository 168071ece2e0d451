"""What is measured of a message depends on its cause; percentiles."""

import random

import pytest

from daemon.metrics import GRID, OTHER, THRU, Cause, CauseKind, Histogram, Metrics
from daemon.music.events import CLOCK_TICK, note_off, note_on


def counts(metrics: Metrics) -> dict[str, int]:
    histograms = {"lateness": metrics.lateness, "ticks": metrics.ticks, "thru": metrics.thru, **metrics.latency}
    return {name: histogram.count for name, histogram in histograms.items() if histogram.count}


def test_each_cause_is_measured_in_its_own_histogram() -> None:
    metrics, answer = Metrics(), Cause(CauseKind.ANSWER, "choir", stamp=1.0)
    for cause in (GRID, THRU, OTHER, answer):
        for message in (note_on(1, 60, 90), note_off(1, 60)):
            metrics.measure(message, 1.25, cause, 1.5)
    metrics.measure(bytes((CLOCK_TICK,)), 1.25, GRID, 1.5)
    assert counts(metrics) == {"lateness": 1, "ticks": 1, "thru": 2, "choir": 1}
    assert metrics.latency["choir"].maximum == pytest.approx(0.5)
    assert metrics.lateness.maximum == pytest.approx(0.25)


def test_percentiles_are_within_one_percent() -> None:
    rng = random.Random(1)
    values = [rng.expovariate(2000) for _ in range(5000)]
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    values.sort()
    for share in (0.5, 0.9, 0.99, 1.0):
        assert histogram.percentile(share) == pytest.approx(
            values[max(round(share * 5000) - 1, 0)], rel=0.011, abs=2e-6
        )
    assert histogram.maximum == values[-1]
    assert Histogram().to_json() == {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}
