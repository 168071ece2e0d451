"""The engine `comping`: plays the chords of a plan, voiced by voice leading, in a rhythm that fits feel and meter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from random import Random
from typing import ClassVar

import numpy as np

from daemon.engines.base import Setting
from daemon.engines.comping.patterns import LOUDNESS, PLAIN, STRUMMED, SUSTAINED, hits_of, pattern_for
from daemon.engines.comping.voice_leading import Change, Melody, lead
from daemon.engines.comping.voicings import Voicing, colours_of
from daemon.engines.shared.chart import Span
from daemon.engines.shared.line import EPSILON
from daemon.engines.shared.plan_player import EIGHTH, PHRASE, Bar, PlanPlayer
from daemon.music.events import Action, Play, Stop
from daemon.music.feel import Feel, swung

VOICE = "chords"
AHEAD = 6  # chords, or bars of a chord, that are voiced together
WANDER = 4.0  # semitones by which the register of a phrase may differ
SOON = 1.0  # beats before its time a chord is voiced, at least
STRUM, ROLL = 0.01, 0.03  # seconds from note to note, of a strum and of the last chord of a song
LOUDER = 44  # velocity, per unit of energy
SHORTEST = 0.05  # beats
SHORT = 0.35  # beats


@dataclass(frozen=True, slots=True)
class _Stroke:
    """A chord to be struck at the beat `beat` until `end`, as written. `span`: its chord, which may begin after it."""

    beat: float
    end: float
    span: Span
    is_last: bool = False  # of the song


class Comping(PlanPlayer):
    voices: ClassVar[tuple[str, ...]] = (VOICE,)
    monophonic: ClassVar[bool] = False
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("density", 0.0, 1.0, 0.5, "how often chords are struck; 0.5: as feel, variation and energy ask for"),
        Setting("register", 57.0, 72.0, 64.0, "the pitch near which chords are played, where no melody is lower"),
    )

    def begin(self) -> None:
        super().begin()
        self._numbers = np.random.default_rng(self.seed)
        self._voicings: dict[tuple[float, str], Voicing] = {}  # by beat and symbol, of chords to come
        self._voiced: tuple[Change, Voicing] | None = None  # the last one, as struck
        self._stroke: _Stroke | None = None  # the last one

    def plan_has_changed(self) -> None:
        self._voicings = {place: voicing for place, voicing in self._voicings.items() if place[0] < self.until}

    def play(self, bar: Bar, start: float, end: float, tempo: float) -> Iterator[Action]:
        feel, last = self.feel(start), self._stroke
        due = [
            stroke
            for stroke in self._strokes(bar, feel)
            if (last is None or stroke.beat > last.beat + EPSILON)
            and start - EPSILON <= swung(stroke.beat, feel.swing) < end - EPSILON
        ]
        now, is_new = self.chord_at(start)
        sounds = last is not None and last.span.start <= start < swung(last.end, feel.swing) - EPSILON
        if last is not None and sounds and (now is None or now.chord != last.span.chord):
            yield Stop(start, VOICE)  # the plan has changed under the chord
            self._stroke = replace(last, end=start)
        if is_new and now is not None and (last is None or last.span.chord != now.chord):
            written = due[-1].beat if due else start
            due = [_Stroke(written, min(now.end, bar.end if feel.name in SUSTAINED else start + 1), now)]
        for stroke in due:
            onset = start if is_new else max(swung(stroke.beat, feel.swing), start)
            yield from self._strike(bar, stroke, onset, feel, tempo)
        if (later := self.chart.span(start + SOON)) is not None:  # voiced now, after the notes that are due were sent
            self._voicing(bar, later, start + SOON, feel.name in PLAIN)

    def _strokes(self, bar: Bar, feel: Feel) -> list[_Stroke]:
        """Of a bar: those of the pattern, and one for each chord that has none; where chords are held, none in time."""
        final = self.final_in(bar)
        last = bar.end if final is None else final.start
        strokes = [
            _Stroke(beat, min(beat + hit.length * EIGHTH, span.end, bar.end), span)
            for hit in hits_of(self._pattern(bar, feel), feel.name in STRUMMED)
            if (beat := bar.line + hit.place * EIGHTH) < last - EPSILON
            and (span := self._harmony(beat, feel)) is not None
        ]
        in_time = [
            stroke for stroke in strokes if feel.name not in SUSTAINED or stroke.beat < stroke.span.start + EPSILON
        ]
        heard = {stroke.span.start for stroke in in_time} | ({self._stroke.span.start} if self._stroke else set())
        strokes += (
            _Stroke(span.start, min(span.end, bar.end) if feel.name in SUSTAINED else span.start + SHORT, span)
            for span in self.spans(bar.line, last)
            if bar.line - EPSILON <= span.start < last - EPSILON and span.start not in heard
        )
        if final is not None and bar.line - EPSILON <= final.start < bar.end - EPSILON:
            strokes.append(_Stroke(final.start, final.end, final, is_last=True))
        strokes = sorted(self._with_breaks(bar, strokes), key=lambda stroke: stroke.beat)
        return [
            stroke if after is None else replace(stroke, end=min(stroke.end, after.beat))
            for stroke, after in zip_longest(strokes, strokes[1:])
        ]

    def _with_breaks(self, bar: Bar, strokes: list[_Stroke]) -> list[_Stroke]:
        """In a break there is one stroke, on its first beat."""
        kept = []
        for stroke in strokes:
            if self.chart.break_from(stroke.beat) is None:
                following = self.chart.break_from(stroke.end)
                kept.append(
                    stroke if following is None else replace(stroke, end=max(following, stroke.beat + SHORTEST))
                )
        start = self.chart.break_from(bar.line)
        span = None if start is None or start < bar.line - EPSILON else self.chart.span(start)
        if start is not None and span is not None:
            kept.append(_Stroke(start, start + SHORT, span))
        return kept

    def _pattern(self, bar: Bar, feel: Feel) -> str:
        more = round(4 * (self.values["density"] - 0.5)) + (feel.energy > 0.75) - (feel.energy < 0.25)
        fullness = min(max(feel.variation + more, 0), 3)
        return pattern_for(feel, fullness, bar.eighths, bar.phrase, bar.number % PHRASE, self.seed)

    def _harmony(self, beat: float, feel: Feel) -> Span | None:
        """The chord that is played at `beat`: off the beat, the one that begins on the next beat."""
        here = self.span(beat)
        if here is None or feel.name in STRUMMED or abs(beat % 1 - EIGHTH) > EPSILON:
            return here
        following = self.chart.span(beat + EIGHTH)
        return here if following is None or following.chord == here.chord else following

    def _strike(self, bar: Bar, stroke: _Stroke, onset: float, feel: Feel, tempo: float) -> Iterator[Action]:
        change, voicing = self._voicing(bar, stroke.span, stroke.beat, feel.name in PLAIN)
        self._stroke, self._voiced = stroke, (change, voicing) if voicing else self._voiced
        apart = (ROLL if stroke.is_last else STRUM if feel.name in STRUMMED else 0.0) * tempo / 60
        off_beat = abs(stroke.beat % 1 - EIGHTH) < EPSILON and not feel.is_compound
        end = swung(stroke.end, feel.swing)
        loudness = LOUDNESS.get(feel.name, LOUDNESS["swing"]) + LOUDER * (feel.energy - 0.5)
        loudness += self._accent(bar, stroke, feel) + self.random.gauss(0, 3)
        for number, pitch in enumerate(reversed(voicing) if off_beat and feel.name in STRUMMED else voicing):
            velocity = round(loudness + (3 if pitch == voicing[-1] else -2) + self.random.gauss(0, 1.5))
            begin = onset + number * apart
            yield Play(begin, pitch, min(max(velocity, 1), 127), VOICE, max(end - begin, SHORTEST))

    def _accent(self, bar: Bar, stroke: _Stroke, feel: Feel) -> float:
        if feel.is_compound:
            return 0.0
        place = stroke.beat - bar.line
        if feel.name in ("rock", "folk", "blues"):
            return 7.0 if abs(place % 2 - 1) < EPSILON else 0.0  # the backbeat
        return 4.0 if abs(place % 1 - EIGHTH) < EPSILON and feel.name == "swing" else 0.0

    def _voicing(self, bar: Bar, span: Span, beat: float, plain: bool) -> tuple[Change, Voicing]:
        """Of the chord `span` as it is to be struck at `beat`; the chords that follow are voiced with it."""
        slots = self._slots(bar, span, beat, plain)
        if self._voiced is None:
            slots = slots[:1]  # the first chord is wanted at once; those after it are voiced when it sounds
        places = [(slot.start, slot.chord.symbol) for slot in slots]
        change = self._change(slots[0], plain)
        if places[0] not in self._voicings:
            changes = [change, *(self._change(slot, plain) for slot in slots[1:])]
            wander = Random(f"{self.seed} {bar.phrase}").uniform(-WANDER, WANDER)
            register = self.values["register"] + wander
            found = lead(changes, list(map(self._melody, slots)), self._voiced, register, self._numbers)
            kept = {place: voiced for place, voiced in self._voicings.items() if place[0] >= bar.line - bar.length}
            self._voicings = kept | dict(zip(places, found, strict=True))
        return change, self._voicings[places[0]]

    def _slots(self, bar: Bar, span: Span, beat: float, plain: bool) -> list[Span]:
        """The chords from `span` on, in bars where a chord lasts longer and its voicing may move."""
        slots: list[Span] = []
        horizon = bar.line + AHEAD * bar.length
        for each in self.chart.spans(span.start, horizon):
            line = bar.line + bar.length * max((each.start - bar.line) // bar.length, 0.0)
            while line < each.end - EPSILON and len(slots) < AHEAD:
                slot = replace(each, start=max(each.start, line), end=min(each.end, line + bar.length))
                if slot.end > beat + EPSILON:
                    slots.append(each if plain else slot)
                line = each.end if plain else line + bar.length
        if slots and span.end >= horizon:
            return slots[:1]  # nothing is known to follow: there is nothing to prepare
        return slots or [span]

    def _change(self, slot: Span, plain: bool) -> Change:
        final = self.chart.final_span(slot.start)
        beneath = bool(self._melody(slot)) and (final is None or slot.start < final.start)  # the last chord is full
        if plain:
            return Change(slot.chord, (), plain, beneath)
        following = self.chart.next_span(slot.start)
        colours = colours_of(slot.chord, following.chord if following else None, self.chart.scale(slot))
        return Change(slot.chord, colours, plain, beneath)

    def _melody(self, slot: Span) -> Melody:
        """What sounds with the chord, also if that is struck an eighth ahead."""
        start, shares = slot.start - EIGHTH, dict[int, float]()
        for note in self.chart.melody:
            lasting = min(note.onset + note.duration, slot.end) - max(note.onset, start)
            if lasting > EPSILON:
                shares[note.pitch] = shares.get(note.pitch, 0.0) + lasting / (slot.end - start)
        return tuple(shares.items())
