"""The base of engines that play what another player plans: comping and bass."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from daemon.engines.base import SEEDS, Engine, Setup
from daemon.engines.shared.chart import Chart, Span
from daemon.engines.shared.grid import REPEAT_BEATS
from daemon.engines.shared.line import EPSILON, STEP
from daemon.music.events import Action, Window
from daemon.music.feel import Feel
from daemon.music.melody import Melodies
from daemon.music.plan import Plan

PHRASE = 4  # bars
EIGHTH = 0.5  # beats: patterns are written in eighths
LONGEST_BAR = 64.0  # beats; a longer one is played as if it ended there
SUDDEN = 1.0  # beats: a chord that is planned less before it begins is played at once


@dataclass(frozen=True, slots=True)
class Bar:
    """`line`: the beat of its bar line; `length` in beats; `number`: counted from the beginning of the section."""

    line: float
    length: float
    number: int

    @property
    def end(self) -> float:
        return self.line + self.length

    @property
    def eighths(self) -> int:
        return max(round(self.length / EIGHTH), 1)

    @property
    def phrase(self) -> int:
        return self.number // PHRASE


class PlanPlayer(Engine):
    """Asks a subclass to play the bars. All beats are as written; `sounding` gives those at which notes sound."""

    lead: ClassVar[float] = 0.02  # a chord that is complete 30 ms before a 16th counts from that 16th on
    tolerance: ClassVar[float] = 0.06

    def __init__(self, setup: Setup[Any]) -> None:
        super().__init__(setup)
        self._chord: Span | None = None
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self.chart = Chart(self.setup.listen)
        self.seed, self.random = seed & SEEDS, Random(seed & SEEDS)
        self.until = -math.inf  # end of the last window
        self._sudden_until = -math.inf
        self.begin()

    def learn(self, source: str, plan: Plan) -> Iterable[Action | Plan]:
        soon = (self.until, self.until + SUDDEN)
        before = self.chart.spans(*soon)
        if not self.chart.learn(source, plan):
            return ()
        if self.chart.spans(*soon) != before:
            self._sudden_until = soon[1]
        self.plan_has_changed()
        return ()

    def generate(self, window: Window) -> Iterator[Action]:
        start = window.start
        if self.until - REPEAT_BEATS < start < self.until:  # requested again, in part or as a whole
            start = self.until
        elif start < self.until or start > self.until + STEP:  # the first one, or a jump
            self.begin()
        if start >= window.end:
            return
        self.until = window.end
        length = min(max(window.meter, STEP), LONGEST_BAR)
        while start < window.end - EPSILON:
            line = window.bar_start + math.floor((start - window.bar_start) / length + EPSILON) * length
            end = min(window.end, line + length)
            if end <= start:
                return
            section = self.chart.section(start)
            first = section.onset if section is not None else 0.0
            yield from self.play(Bar(line, length, round((line - first) / length)), start, end, window.tempo)
            start = end

    def feel(self, beat: float) -> Feel:
        return self.chart.band_feel(beat)

    def chord_at(self, beat: float) -> tuple[Span | None, bool]:
        """The chord that is to be played at the beginning of a window, and whether it came unexpectedly: now."""
        before, self._chord = self._chord, self.span(beat)
        is_other = self._chord is not None and (before is None or before.chord != self._chord.chord)
        return self._chord, is_other and beat <= self._sudden_until

    def span(self, beat: float) -> Span | None:
        """The chord that is to be played at `beat`."""
        return next(iter(self.spans(beat, beat)), None)

    def spans(self, start: float, end: float) -> list[Span]:
        """The chords in [start, end) that are to be played: none in a break after its first beat, and none after the
        last one of the song."""
        chart, played = self.chart, list[Span]()
        for span in chart.spans(start, end):
            beat = max(span.start, start)
            final = chart.final_span(beat)
            if not chart.in_break(beat) and (final is None or span.start <= final.start):
                played.append(span)
        return played

    def final_in(self, bar: Bar) -> Span | None:
        """The last chord of the song, as it is to be held, if the song's ending reaches into `bar`."""
        return self.chart.final_span(bar.line) or self.chart.final_span(bar.end - 2 * EPSILON)

    def begin(self) -> None:
        """Forget what was played, at a start or a jump."""
        self._chord = None  # at the beginning of the last window

    @abstractmethod
    def plan_has_changed(self) -> None:
        """The chart is another one from now on."""

    @abstractmethod
    def play(self, bar: Bar, start: float, end: float, tempo: float) -> Iterator[Action]:
        """Play the notes that sound in [start, end), a part of `bar`."""
