"""The plans of the players that an engine listens to, as one chart: chords, sections and feel by beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from daemon.engines.shared.line import EPSILON
from daemon.music.chords import Chord, chord_of
from daemon.music.feel import Feel
from daemon.music.plan import BREAK, ENDING, Plan, PlannedChord, Section

KEPT = 512  # chords, sections and feels of a player that are kept; earlier ones are over


@dataclass(frozen=True, slots=True)
class Span:
    """A chord from the beat `start` until the beat `end`. One chord that is written several times is one span."""

    start: float
    end: float
    chord: Chord


@dataclass(slots=True)
class _Planned:
    """What one player planned, in order."""

    spans: list[Span] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    feels: list[tuple[float, Feel]] = field(default_factory=list)

    def learn(self, plan: Plan) -> None:
        beat = plan.beat
        spans = [replace(span, end=min(span.end, beat)) for span in self.spans if span.start < beat - EPSILON]
        for span in _spans(plan.chords, beat):
            if spans and spans[-1].chord == span.chord and abs(spans[-1].end - span.start) < EPSILON:
                spans[-1] = replace(spans[-1], end=span.end)  # it goes on
            else:
                spans.append(span)
        kept = [
            replace(section, duration=min(section.duration, beat - section.onset))
            for section in self.sections
            if section.onset < beat - EPSILON
        ]
        new = sorted(plan.sections, key=lambda section: section.onset)
        self.spans, self.sections = spans[-KEPT:], [*kept, *new][-KEPT:]
        if plan.feel is not None:
            self.feels = [*((at, feel) for at, feel in self.feels if at < beat), (beat, plan.feel)][-KEPT:]


class Chart:
    """Where several players plan, the first one under `listen` that planned anything for a beat counts."""

    def __init__(self, listen: Sequence[str]) -> None:
        self._players = {name: _Planned() for name in listen}

    def learn(self, source: str, plan: Plan) -> None:
        if source in self._players:
            self._players[source].learn(plan)

    def span_at(self, beat: float) -> Span | None:
        """The chord at `beat`; None where there is none."""
        return next(iter(self.spans(beat, beat)), None)

    def spans(self, start: float, end: float) -> list[Span]:
        """The chords that begin before `end` and end after `start`, and the one at `start`."""
        for player in self._players.values():
            found = [
                span
                for span in player.spans
                if span.end > start + EPSILON and (span.start < end - EPSILON or span.start <= start + EPSILON)
            ]
            if found:
                return found
        return []

    def next_span(self, beat: float) -> Span | None:
        """The first chord that begins after `beat`."""
        for player in self._players.values():
            if later := [span for span in player.spans if span.start > beat + EPSILON]:
                return later[0]
        return None

    def section_at(self, beat: float) -> Section | None:
        for player in self._players.values():
            for section in reversed(player.sections):
                if section.onset <= beat + EPSILON and beat < section.onset + section.duration - EPSILON:
                    return section
        return None

    def feel_at(self, beat: float) -> Feel:
        for player in self._players.values():
            for start, feel in reversed(player.feels):
                if start <= beat + EPSILON:
                    return feel
        return Feel()

    def rests_at(self, beat: float) -> bool:
        """Whether the band is silent: after the first beat of a break."""
        section = self.section_at(beat)
        return section is not None and section.name == BREAK and beat >= section.onset + 1 - EPSILON

    def final_span(self, beat: float) -> Span | None:
        """The last chord of the ending in which `beat` lies, within that ending."""
        section = self.section_at(beat)
        if section is None or section.name != ENDING:
            return None
        spans = self.spans(section.onset, section.onset + section.duration)
        if not spans:
            return None
        last = spans[-1]
        return replace(last, start=max(last.start, section.onset), end=min(last.end, section.onset + section.duration))


def _spans(chords: Sequence[PlannedChord], beat: float) -> Iterator[Span]:
    """From `beat` on; a chord ends where the next one begins. Symbols that are no chord, such as N.C., are left out."""
    ordered = sorted((chord for chord in chords if chord.duration > 0), key=lambda chord: chord.onset)
    for number, planned in enumerate(ordered):
        following = ordered[number + 1].onset if number + 1 < len(ordered) else planned.onset + planned.duration
        start, end = max(planned.onset, beat), min(planned.onset + planned.duration, following)
        try:
            chord = chord_of(planned.symbol)
        except ValueError:
            continue
        if start < end - EPSILON:
            yield Span(start, end, chord)
