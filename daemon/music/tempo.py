"""Conversion between beats and seconds. A tempo is one immutable value; a change makes a new one."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, cast

from daemon.json_decoding import Limits, decoder

SIXTEENTH = 0.25  # beats
MIN_BPM, MAX_BPM = 20.0, 400.0  # of every clock, in beats per minute; a file may have other tempi

Bpm = Annotated[float, Limits(0.1, 1e5)]
Duration = Annotated[float, Limits(0.0, 1e5)]  # in beats
Length = Annotated[float, Limits(0.01, 1e5)]  # of a bar or a loop, in beats


@dataclass(frozen=True, slots=True)
class Tempo:
    """`beat` falls at `seconds` (`time.perf_counter()`); `bpm` beats per minute from there on."""

    beat: float
    seconds: float
    bpm: float

    def beat_at(self, seconds: float) -> float:
        return self.beat + (seconds - self.seconds) * self.bpm / 60

    def seconds_at(self, beat: float) -> float:
        return self.seconds + (beat - self.beat) * 60 / self.bpm

    def changed(self, beat: float, bpm: float) -> Tempo:
        """The tempo with another `bpm` from `beat` on."""
        return Tempo(beat, self.seconds_at(beat), bpm)


@dataclass(frozen=True, slots=True)
class TempoMap:
    """Tempi (beat, bpm) and meters (beat, beats per bar), each starting at beat 0.

    With a `period` the map repeats every `period` beats. A meter begins at its beat with a new bar.
    """

    tempi: tuple[tuple[float, Bpm], ...]
    meters: tuple[tuple[float, Length], ...]
    period: Length | None = None

    def check(self) -> None:
        """Raises ValueError if there are no tempi or meters, or they are not in order."""
        for changes in (self.tempi, self.meters):
            if not changes or any(before >= after for (before, _), (after, _) in pairwise(changes)):
                raise ValueError("a tempo map needs tempi and meters in the order of their beats")

    def bpm_at(self, beat: float) -> float:
        _, local = self._split(beat)
        return self.tempi[max(bisect_right(self.tempi, (local, float("inf"))) - 1, 0)][1]

    def next_change(self, beat: float) -> tuple[float, float] | None:
        """The first change of tempo after `beat`: (beat, bpm)."""
        start, local = self._split(beat)
        number = max(bisect_right(self.tempi, (local, float("inf"))), not start)  # the first tempo holds before beat 0
        while number < len(self.tempi) and start + self.tempi[number][0] <= beat:
            number += 1  # the rounded sum may be `beat`, so that the same change would be found for ever
        if number < len(self.tempi):
            at, bpm = self.tempi[number]
            return start + at, bpm
        if self.period is None or len(self.tempi) == 1:
            return None
        return start + self.period, self.tempi[0][1]

    def bar_at(self, beat: float) -> tuple[float, float]:
        """(beat of the bar line at or before `beat`, beats per bar)."""
        start, local = self._split(beat)
        changed, length = self.meters[max(bisect_right(self.meters, (local, float("inf"))) - 1, 0)]
        return start + changed + (local - changed) // length * length, length

    def place_of(self, beat: float) -> tuple[int, float]:
        """(number of the bar, beat within it), both from 1."""
        start, _ = self._split(beat)
        bar_start, _ = self.bar_at(beat)
        before = round(start / self.period) * self._bars(self.period) if self.period else 0
        return before + self._bars(bar_start - start) + 1, beat - bar_start + 1

    def _bars(self, local: float) -> int:
        """The number of bars before the beat `local` of a period."""
        ends = [*(begun for begun, _ in self.meters[1:]), math.inf]
        return sum(
            math.ceil((min(end, local) - begun) / length - 1e-9)
            for (begun, length), end in zip(self.meters, ends, strict=True)
            if begun < local or not begun
        )

    def _split(self, beat: float) -> tuple[float, float]:
        """(start of the current period, beat within it)."""
        if self.period is None or beat < 0:
            return 0.0, beat
        start = beat // self.period * self.period
        return start, beat - start


def next_sixteenth(beat: float) -> float:
    """The first 16th at or after `beat`, not before the song's beginning."""
    return max(math.ceil(beat / SIXTEENTH - 1e-6) * SIXTEENTH, 0.0)


def tempo_map_from_json(data: dict[str, Any]) -> TempoMap:
    """Raises ValueError."""
    return cast(TempoMap, decoder(TempoMap)(data))
