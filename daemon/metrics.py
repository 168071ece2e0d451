"""Measurements at run time, cheap enough for every note; and the cause of a message, which decides what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from daemon.music.events import CLOCK_TICK, is_note_on


class Histogram:
    """Counts of durations, in steps of a microsecond up to a millisecond and of 1 % above; the maximum is exact."""

    def __init__(self) -> None:
        self.count = 0
        self.maximum = 0.0
        self._buckets: dict[int, int] = {}  # microseconds, rounded up → count

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
        remaining = share * self.count
        for microseconds in sorted(self._buckets):
            remaining -= self._buckets[microseconds]
            if remaining <= 0:
                return min(microseconds / 1e6, self.maximum)
        return self.maximum

    def to_json(self) -> dict[str, float]:
        """The count, and median, 99th percentile and maximum in milliseconds."""
        values = {"p50": self.percentile(0.5), "p99": self.percentile(0.99), "max": self.maximum}
        return {"count": self.count, **{name: round(value * 1e3, 4) for name, value in values.items()}}


class CauseKind(Enum):
    GRID = "grid"  # due at a beat: lateness is measured, of note-ons and of clock ticks
    THRU = "thru"  # a copy of an input's message: the time since that came in
    ANSWER = "answer"  # a player's immediate answer to a key, pedal or controller: latency, of the first note
    WITHDRAWAL = "withdrawal"  # the note-off of a note that is released before it is due: neither of the two is sent
    STRAY = "stray"  # the note-off of a key that its source does not hold: not sent while others hold the note
    OTHER = "other"  # not measured


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a message is sent. Of an answer also: the player, and the stamp (seconds) of the input that is answered."""

    kind: CauseKind
    player: str = ""
    stamp: float = 0.0


GRID, THRU, OTHER = Cause(CauseKind.GRID), Cause(CauseKind.THRU), Cause(CauseKind.OTHER)
WITHDRAWAL, STRAY = Cause(CauseKind.WITHDRAWAL), Cause(CauseKind.STRAY)


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

    def measure(self, message: bytes, due: float, cause: Cause, now: float) -> None:
        """`message`, due at `due`, was sent at `now` (seconds)."""
        match cause.kind:
            case CauseKind.THRU:
                self.thru.add(now - due)
            case CauseKind.GRID if message[0] == CLOCK_TICK:
                self.ticks.add(now - due)
            case CauseKind.GRID if is_note_on(message):
                self.lateness.add(now - due)
            case CauseKind.ANSWER if is_note_on(message):
                self.latency.setdefault(cause.player, Histogram()).add(now - cause.stamp)

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
