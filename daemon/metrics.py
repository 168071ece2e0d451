"""What was measured while it ran, cheap enough to be measured at every note."""

from __future__ import annotations

from typing import Any


class Histogram:
    """Seconds, counted by the microsecond up to a millisecond and in steps of 1 % above; the maximum is exact."""

    def __init__(self) -> None:
        self.count = 0
        self.maximum = 0.0
        self._buckets: dict[int, int] = {}  # microseconds, rounded up → how many

    def add(self, seconds: float) -> None:
        self.count += 1
        if seconds > self.maximum:
            self.maximum = seconds
        microseconds = int(seconds * 1e6) + 1 if seconds > 0 else 0
        if microseconds > 1000:
            step = 10 ** (len(str(microseconds)) - 3)
            microseconds += -microseconds % step
        self._buckets[microseconds] = self._buckets.get(microseconds, 0) + 1

    def percentile(self, share: float) -> float:
        """Seconds that `share` (0–1) of the values do not exceed; 0 without values."""
        left = share * self.count
        for microseconds in sorted(self._buckets):
            left -= self._buckets[microseconds]
            if left <= 0:
                return min(microseconds / 1e6, self.maximum)
        return self.maximum

    def to_json(self) -> dict[str, float]:
        """Milliseconds."""
        values = {"p50": self.percentile(0.5), "p99": self.percentile(0.99), "max": self.maximum}
        return {"count": self.count, **{name: round(value * 1e3, 4) for name, value in values.items()}}


class Metrics:
    """Everything the stage counts."""

    def __init__(self) -> None:
        self.lateness = Histogram()  # of grid notes: sent − due
        self.ticks = Histogram()  # of our own clock's ticks: sent − due
        self.thru = Histogram()  # stamp to sent
        self.latency: dict[str, Histogram] = {}  # by player: stamp of a key to the first note sent in answer
        self.sent = 0
        self.heard = 0
        self.unsent = 0  # messages for a port that was not there, or whose receiver was not
        self.late = 0  # note-ons that were dropped because the MIDI system stood still
        self.lost_ports = 0

    def answered(self, player: str, seconds: float) -> None:
        self.latency.setdefault(player, Histogram()).add(seconds)

    def to_json(self) -> dict[str, Any]:
        return {
            "lateness_ms": self.lateness.to_json(),
            "ticks_ms": self.ticks.to_json(),
            "thru_ms": self.thru.to_json(),
            "latency_ms": {player: histogram.to_json() for player, histogram in self.latency.items()},
            "sent": self.sent,
            "heard": self.heard,
            "unsent": self.unsent,
            "late": self.late,
            "lost_ports": self.lost_ports,
        }
