"""Simulated masters of a MIDI clock, and a source that hears them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from daemon.clocks.midi_clock_in import MidiClockIn
from daemon.clocks.source import Change, ClockWarning, TransportChange

TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
JACK = 64 / 48_000  # seconds: one period
Stamps = list[tuple[float, int]]  # (when a tick is heard, its number)


def song_position(sixteenths: int) -> bytes:
    return bytes((0xF2, sixteenths & 127, sixteenths >> 7))


def steady(*parts: tuple[float, int], start: float = 10.0) -> list[float]:
    """When the ticks are due: (bpm, ticks) after (bpm, ticks)."""
    moments, now = [], start
    for bpm, count in parts:
        for _ in range(count):
            moments.append(now)
            now += 2.5 / bpm
    return moments


def ramp(first: float, last: float, beats: int, linear_in: str) -> list[float]:
    """Eight beats at `first` bpm, then a ramp, then eight at `last`."""
    if linear_in == "time":
        slope = (last**2 - first**2) / 2 / beats
        ramped = [(math.sqrt(first**2 + 2 * slope * k / 24) - first) / slope * 60 for k in range(beats * 24 + 1)]
    else:
        slope = (last - first) / beats
        ramped = [math.log1p(slope * k / 24 / first) / slope * 60 for k in range(beats * 24 + 1)]
    before = steady((first, 192))
    began = before[-1] + 2.5 / first
    after = steady((last, 192), start=began + ramped[-1] + 2.5 / last)
    return before + [began + moment for moment in ramped] + after


def jitter(moments: Iterable[float], seed: int, sigma: float = 0.001) -> Stamps:
    rng = random.Random(seed)
    return sorted((t + min(max(rng.gauss(0, sigma), -3 * sigma), 3 * sigma), i) for i, t in enumerate(moments))


def exact(moments: Iterable[float]) -> Stamps:
    return [(moment, i) for i, moment in enumerate(moments)]


def in_periods(moments: Iterable[float]) -> Stamps:
    """As JACK stamps them; half a period is the constant delay."""
    return [(math.ceil(moment / JACK) * JACK - JACK / 2, i) for i, moment in enumerate(moments)]


class Heard:
    """A source that starts at the first tick and hears ticks at `stamps`; the master's ticks are due at `moments`."""

    def __init__(self, moments: list[float], stamps: Stamps, bpm: float = 100.0) -> None:
        self.moments = moments
        self.source = MidiClockIn(bpm)
        self.changes: list[tuple[float, Change]] = []
        self.errors: list[float] = []  # seconds, at every tick of the master
        self.back = 0.0  # the most that the beat ever jumped back, in seconds
        self._take(stamps[0][0], self.source.hear(START, stamps[0][0]))
        probes = [(moment, -1, i) for i, moment in enumerate(moments)]
        for now, is_tick, i in sorted([*probes, *((stamp, 1, i) for stamp, i in stamps)]):
            if is_tick == 1:
                self.tick(now)
            else:
                self.errors.append(self.error(now, i / 24))

    def tick(self, now: float) -> None:
        before = self.source.tempo
        changes = self.source.hear(TICK, now)
        if not any(isinstance(change, TransportChange) for change in changes):
            after = self.source.tempo
            self.back = max(self.back, (before.beat_at(now) - after.beat_at(now)) * 60 / after.bpm)
        self._take(now, changes)

    def error(self, now: float, beat: float) -> float:
        return (self.source.tempo.beat_at(now) - beat) * 60 / self.source.tempo.bpm

    def of(self, kind: type) -> list[Change]:
        return [change for _, change in self.changes if isinstance(change, kind)]

    def after(self, beats: float) -> list[float]:
        """The errors from this beat on, without sign, sorted."""
        return sorted(map(abs, self.errors[int(beats * 24) :]))

    def _take(self, now: float, changes: list[Change]) -> None:
        self.changes += [(now, change) for change in changes]


def p99(values: list[float]) -> float:
    return values[int(len(values) * 0.99)]


def causes(changes: list[Change]) -> list[str]:
    return [change.cause for change in changes if isinstance(change, ClockWarning)]
