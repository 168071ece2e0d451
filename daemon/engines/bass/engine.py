"""The engine `bass`: plays roots, two-feel, walking lines and the patterns of other feels on the chords of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from random import Random
from typing import ClassVar

from daemon.engines.bass.patterns import AHEAD, LINES, SILENCE, patterns_for
from daemon.engines.bass.walking import FIFTH, PICKUP, ROOT, Step, draw_line
from daemon.engines.options import option
from daemon.engines.shared.chart import Span
from daemon.engines.shared.line import EPSILON, STEP
from daemon.engines.shared.plan_player import EIGHTH, PHRASE, Bar, PlanPlayer
from daemon.music.events import Action, Play, Stop
from daemon.music.feel import Feel, swung

VOICE = "bass"
BY_FEEL = "by feel"
TRIES = 4  # lines drawn for a bar, until one differs from the bars before
REMEMBERED = 2  # bars
LEGATO = 0.94  # of a note's length
LOUDNESS, LOUDER = 76, 40  # velocity at energy 0.5, and per unit of energy
GHOST = 22  # less, of a pickup
SHORTEST = 0.05  # beats


@dataclass(frozen=True, slots=True)
class BassOptions:
    line: str = option(BY_FEEL, "the kind of line, whatever the feel", choices=(BY_FEEL, *LINES))


@dataclass(frozen=True, slots=True)
class _Note:
    """From the beat `beat` until `end`, as written."""

    beat: float
    end: float
    step: Step
    pitch: int = 0


class Bass(PlanPlayer):
    voices: ClassVar[tuple[str, ...]] = (VOICE,)
    Options = BassOptions

    options: BassOptions

    def begin(self) -> None:
        super().begin()
        self._bar: Bar | None = None  # the bar of `_notes`
        self._notes: list[_Note] = []
        self._last: _Note | None = None  # as played
        self._shapes: list[tuple[int, ...]] = []  # of the last bars, in intervals

    def plan_has_changed(self) -> None:
        self._bar = None

    def play(self, bar: Bar, start: float, end: float, tempo: float) -> Iterator[Action]:
        feel = self.feel(start)
        now, is_new = self.chord_at(start)
        last = self._last
        if last is not None and now is None and start < swung(last.end, feel.swing) - EPSILON:
            yield Stop(start, VOICE)  # the plan has changed under the note
            self._last = last = replace(last, end=start)
        is_new = is_new and now is not None and (last is None or last.step.chord != now.chord)
        if self._bar is None or self._bar.line != bar.line or self._bar.length != bar.length:
            self._bar, self._notes = bar, self._write(bar, start, feel, now if is_new else None)
        for note in self._notes:
            at_once = is_new and note is self._notes[0]
            onset = start if at_once else swung(note.beat, feel.swing)
            if start - EPSILON <= onset < end - EPSILON and (last is None or note.beat > last.beat + EPSILON):
                self._last = note
                length = (swung(note.end, feel.swing) - onset) * LEGATO
                yield Play(max(onset, start), note.pitch, self._velocity(bar, note, feel), VOICE, max(length, SHORTEST))

    def _velocity(self, bar: Bar, note: _Note, feel: Feel) -> int:
        loudness = LOUDNESS + LOUDER * (feel.energy - 0.5) + self.random.gauss(0, 3)
        if note.step.role == PICKUP:
            loudness -= GHOST
        elif (note.beat - bar.line) % 1 < EPSILON:
            walks = feel.name in ("swing", "blues")
            loudness += 4 if ((note.beat - bar.line) % 2 >= 1) == walks else 0
        return min(max(round(loudness), 1), 127)

    def _write(self, bar: Bar, start: float, feel: Feel, sudden: Span | None) -> list[_Note]:
        """The notes of `bar` from `start` on. `sudden`: a chord that came unexpectedly, whose bass is played now."""
        notes = [note for note in self._rhythm(bar, feel) if swung(note.beat, feel.swing) >= start - EPSILON]
        if sudden is not None:
            later = [note for note in notes if swung(note.beat, feel.swing) > start + STEP]
            end = later[0].beat if later else min(bar.end, sudden.end)
            notes = [_Note(start, end, self._step(sudden, ROOT)), *later]
        if not notes:
            return []
        notes = [self._leading(note, after) for note, after in zip_longest(notes, notes[1:])]
        before = (self._last.step, self._last.pitch) if self._last is not None else None
        following = self.chart.next_span(notes[-1].beat)
        target = following.chord.bass if following is not None and notes[-1].step.leads else None
        for _ in range(TRIES):
            pitches = draw_line([note.step for note in notes], before, target, self.random)
            shape = (pitches[0] % 12, *(pitch - pitches[0] for pitch in pitches))
            if shape not in self._shapes:
                break
        self._shapes = [*self._shapes, shape][-REMEMBERED:]
        return [replace(note, pitch=pitch) for note, pitch in zip(notes, pitches, strict=True)]

    def _rhythm(self, bar: Bar, feel: Feel) -> list[_Note]:
        """What is to be played in `bar`, without pitches."""
        final = self.final_in(bar)
        last = bar.end if final is None else final.start
        roles = {bar.line + place * EIGHTH: role for place, role in enumerate(self._pattern(bar, feel)) if role != "-"}
        starts = [
            span.start for span in self.spans(bar.line, last) if bar.line - EPSILON <= span.start < last - EPSILON
        ]
        if (pause := self.chart.break_from(bar.line)) is not None and pause >= bar.line - EPSILON:
            starts.append(pause)
        for start in starts:
            roles = {beat: role for beat, role in roles.items() if abs(beat - start) > EPSILON} | {start: ROOT}
        notes: list[_Note] = []
        for beat, role in sorted(roles.items()):
            if notes:
                notes[-1] = replace(notes[-1], end=min(notes[-1].end, beat))
            if beat < last - EPSILON and role != SILENCE and (note := self._note(bar, feel, beat, role)) is not None:
                notes.append(note)
        if final is not None and bar.line - EPSILON <= final.start < bar.end - EPSILON:
            notes.append(_Note(final.start, final.end, self._step(final, ROOT)))
        return notes

    def _note(self, bar: Bar, feel: Feel, beat: float, role: str) -> _Note | None:
        span, pause = self.span(beat), self.chart.break_from(beat)
        if span is None or (pause is not None and beat > pause + EPSILON):
            return None  # in a break only its first note is played
        end = min(bar.end, span.end) if pause is None else min(pause + 1, span.end)
        if pause is None and (next_pause := self.chart.break_from(end - 2 * EPSILON)) is not None:
            end = next_pause
        if role == AHEAD:
            following = self.chart.next_span(beat)
            is_near = following is not None and following.start <= beat + 1 + EPSILON
            ahead = following if following is not None and is_near else span
            return _Note(beat, end, self._step(ahead, ROOT if is_near else FIFTH))
        apart = 1.5 if feel.is_compound else 2 if bar.eighths % 4 == 0 else 3  # beats from one strong place to the next
        is_strong = (beat - bar.line) % apart < EPSILON
        return _Note(beat, max(end, beat + SHORTEST), self._step(span, role, is_strong))

    def _step(self, span: Span, role: str, is_strong: bool = True) -> Step:
        return Step(span.chord, self.chart.scale(span), role, is_strong)

    def _leading(self, note: _Note, after: _Note | None) -> _Note:
        """The note, marked if a new chord follows it."""
        following = self.chart.next_span(note.beat)
        if following is None or following.start > note.end + EPSILON:
            return note
        leads = after is None or after.beat >= following.start - EPSILON
        return replace(note, step=replace(note.step, leads=leads))

    def _pattern(self, bar: Bar, feel: Feel) -> str:
        patterns = patterns_for(feel, bar.eighths, self.options.line)
        phrase = Random(f"{self.seed} {bar.phrase}").sample(patterns, len(patterns))
        return phrase[(0, 1, 0, 2)[bar.number % PHRASE] % len(phrase)]
