"""Beats and seconds. A clock is one immutable value; a change of tempo makes a new one."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

SIXTEENTH = 0.25  # beats


@dataclass(frozen=True, slots=True)
class Tempo:
    """`beat` falls at `seconds` (stage clock), and time goes on from there with `bpm` beats per minute."""

    beat: float
    seconds: float
    bpm: float

    def beat_at(self, seconds: float) -> float:
        return self.beat + (seconds - self.seconds) * self.bpm / 60

    def seconds_at(self, beat: float) -> float:
        return self.seconds + (beat - self.beat) * 60 / self.bpm

    def changed(self, beat: float, bpm: float) -> Tempo:
        """The clock that goes on from `beat` with another tempo."""
        return Tempo(beat, self.seconds_at(beat), bpm)


@dataclass(frozen=True, slots=True)
class TempoMap:
    """Tempi (beat, bpm) and meters (beat, beats per bar), each starting at beat 0.

    It starts anew every `period` beats, if given. A meter takes effect at its beat, which starts a bar.
    """

    tempi: tuple[tuple[float, float], ...]
    meters: tuple[tuple[float, float], ...]
    period: float | None = None

    def bpm_at(self, beat: float) -> float:
        _, local = self._split(beat)
        return self.tempi[max(bisect_right(self.tempi, (local, float("inf"))) - 1, 0)][1]

    def next_change(self, beat: float) -> tuple[float, float] | None:
        """The first change of tempo after `beat`: (beat, bpm)."""
        turn, _ = self._split(beat)
        for at, bpm in self.tempi:
            if turn + at > beat:  # in this form, lest rounding finds the same change again and again
                return turn + at, bpm
        if self.period is None or len(self.tempi) == 1:
            return None
        return turn + self.period, self.tempi[0][1]

    def bar_at(self, beat: float) -> tuple[float, float]:
        """(beat of the bar line at or before `beat`, beats per bar)."""
        turn, local = self._split(beat)
        start, length = self.meters[max(bisect_right(self.meters, (local, float("inf"))) - 1, 0)]
        return turn + start + (local - start) // length * length, length

    def _split(self, beat: float) -> tuple[float, float]:
        """(start of the current turn of the loop, beat within it)."""
        if self.period is None or beat < 0:
            return 0.0, beat
        turn = beat // self.period * self.period
        return turn, beat - turn


def tempo_map_from_json(data: dict[str, Any]) -> TempoMap:
    return TempoMap(tuple((b, v) for b, v in data["tempi"]), tuple((b, v) for b, v in data["meters"]), data["period"])
