"""Measured values and their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PERIOD = 64 / 48_000  # seconds: a JACK period, the greatest error of an observer's stamps


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and its upper limit."""

    what: str
    value: float
    target: float
    unit: str

    @property
    def good(self) -> bool:
        return self.value <= self.target


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 … 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
