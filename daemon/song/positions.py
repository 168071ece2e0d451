"""Positions in a song as musicians write them: 3 (a bar), 3.2 (its second beat), 3.2.4 (its last sixteenth)."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIXTEENTH = 0.25  # beats
_POINT = r"([0-9]{1,4})(?:\.([0-9]{1,2})(?:\.([0-9]{1,2}))?)?"
_SPAN = re.compile(rf"{_POINT}(?:\s*[-–]\s*{_POINT})?")
_REMEDY = "write bar.beat as in 3.2, or a span as in 9.1-12.4 or 9-12"


@dataclass(frozen=True, slots=True)
class Span:
    """Beats from the first bar line. `is_point`: written as one bar.beat, which is `duration` long."""

    onset: float
    duration: float
    is_point: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Bars and beats of a part of `bars` bars in a `meter`, as (6, 8)."""

    meter: tuple[int, int]
    bars: int

    @property
    def beat(self) -> float:
        return 4 / self.meter[1]

    @property
    def bar(self) -> float:
        return self.meter[0] * self.beat

    def span(self, text: str) -> Span:
        """The beats of a position or a span; the last bar, beat or sixteenth that is named is part of it.

        Raises ValueError, with the remedy, if it is none or lies outside.
        """
        if (found := _SPAN.fullmatch(text.strip())) is None:
            raise ValueError(f"{text!r} is no position: {_REMEDY}")
        numbers = [None if each is None else int(each) for each in found.groups()]
        onset, duration = self._point(text, *numbers[:3])
        if numbers[3] is None:
            return Span(onset, duration, numbers[1] is not None)
        last, length = self._point(text, *numbers[3:])
        if last < onset:
            raise ValueError(f"{text!r} ends before it begins: {_REMEDY}")
        return Span(onset, last + length - onset, False)

    def at(self, beat: float) -> str:
        """The position of `beat` as text; a beat before the first bar line is in bar 0. Between sixteenths, the one
        before."""
        sixteenths = int((beat + 1e-6) // SIXTEENTH)
        bar, rest = divmod(sixteenths, round(self.bar / SIXTEENTH))
        beats, part = divmod(rest, max(round(self.beat / SIXTEENTH), 1))
        return f"{bar + 1}.{beats + 1}" + (f".{part + 1}" if part else "")

    def _point(
        self, text: str, bar: int | None, beat: int | None = None, sixteenth: int | None = None
    ) -> tuple[float, float]:
        """The first beat and the length of what is named."""
        assert bar is not None
        beats, parts = self.meter[0], max(round(self.beat / SIXTEENTH), 1)
        if not 1 <= bar <= self.bars:
            raise ValueError(f"{text!r}: there is no bar {bar}: choose one from 1 to {self.bars}")
        if beat is not None and not 1 <= beat <= beats:
            raise ValueError(f"{text!r}: a bar has no beat {beat}: choose one from 1 to {beats}")
        if sixteenth is not None and not 1 <= sixteenth <= parts:
            raise ValueError(f"{text!r}: a beat has no sixteenth {sixteenth}: choose one from 1 to {parts}")
        onset, length = (bar - 1) * self.bar, self.bar
        if beat is not None:
            onset, length = onset + (beat - 1) * self.beat, self.beat
        if sixteenth is not None:
            onset, length = onset + (sixteenth - 1) * SIXTEENTH, min(SIXTEENTH, self.beat)
        return onset, length
