"""The plan that an engine follows, as a chart: each chord from beginning to end, however often it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.engines.shared.line import EPSILON
from daemon.music.chords import Chord, chord_named
from daemon.music.feel import Feel
from daemon.music.plan import BREAK, ENDING, Plan


@dataclass(frozen=True, slots=True)
class Span:
    """A chord from the beat `start` until the beat `end`."""

    start: float
    end: float
    chord: Chord


class Chart(FollowedPlan):
    def __init__(self, listen: Sequence[str]) -> None:
        self._spans: list[Span] = []
        super().__init__(listen)

    def clear(self) -> None:
        super().clear()
        self._spans.clear()

    def learn(self, source: str, plan: Plan) -> bool:
        counts = super().learn(source, plan)
        if counts:
            self._spans = self._made_spans()
        return counts

    def _made_spans(self) -> list[Span]:
        """A chord ends where the next one begins. Symbols that are no chord are left out."""
        spans: list[Span] = []
        for number, planned in enumerate(self._chords):
            end = planned.onset + planned.duration
            if number + 1 < len(self._chords):
                end = min(end, self._chords[number + 1].onset)
            chord = chord_named(planned.symbol)
            if chord is None or end <= planned.onset + EPSILON:
                continue
            last = spans[-1] if spans else None
            if last is not None and last.chord == chord and abs(last.end - planned.onset) < EPSILON:
                spans[-1] = replace(last, end=end)
            else:
                spans.append(Span(planned.onset, end, chord))
        return spans

    def span(self, beat: float) -> Span | None:
        """The chord at `beat`; None where there is none."""
        return next(iter(self.spans(beat, beat)), None)

    def spans(self, start: float, end: float) -> list[Span]:
        """The chord at `start`, and those that begin before `end`."""
        return [
            span
            for span in self._spans
            if span.end > start + EPSILON and (span.start < end - EPSILON or span.start <= start + EPSILON)
        ]

    def scale(self, span: Span) -> frozenset[int]:
        """The pitch classes that fit a chord among those around it."""
        harmony = self.harmony(span.start)
        return span.chord.pitch_classes if harmony is None else harmony.scale

    def next_span(self, beat: float) -> Span | None:
        """The first chord that begins after `beat`."""
        return next((span for span in self._spans if span.start > beat + EPSILON), None)

    def band_feel(self, beat: float) -> Feel:
        return self.feel(beat) or Feel()

    def break_from(self, beat: float) -> float | None:
        """The beginning of the break in which `beat` lies."""
        section = self.section(beat)
        return section.onset if section is not None and section.name == BREAK else None

    def final_span(self, beat: float) -> Span | None:
        """The last chord of the ending in which `beat` lies, within that ending."""
        section = self.section(beat)
        if section is None or section.name != ENDING:
            return None
        until = section.onset + section.duration
        spans = self.spans(section.onset, until)
        if not spans:
            return None
        return replace(spans[-1], start=max(spans[-1].start, section.onset), end=min(spans[-1].end, until))
