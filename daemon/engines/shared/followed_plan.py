"""What a player has planned, for the players that follow: the chord, section and feel of each beat, and the melody."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from daemon.engines.shared.chord_scale import chord_scale
from daemon.engines.shared.line import EPSILON
from daemon.music.chords import NO_CHORD, Chord, chord_named
from daemon.music.feel import STRAIGHT, Feel, sounding
from daemon.music.melody import Note
from daemon.music.plan import BREAK, ENDING, Plan, PlannedChord, Section

MOST_KEPT = 128  # of earlier chords, sections, notes and feels, each; less is still to come when a new plan does
NEIGHBOURS = 4  # chords before and after a chord that decide on its scale
FIRST_BEAT = 1.0  # beats of a break that are played

PartT = TypeVar("PartT", bound=PlannedChord | Section | Note)


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord of the plan from beat `onset` on, and its notes as pitch classes: `scale` has all that fit the chord,
    `guides` those that tell it from other chords, third (or fourth) and seventh (or sixth)."""

    onset: float
    chord: Chord
    scale: frozenset[int]

    @property
    def tones(self) -> frozenset[int]:
        return self.chord.pitch_classes

    @property
    def guides(self) -> frozenset[int]:
        intervals = self.chord.intervals
        third = next((interval for interval in (4, 3, 5, 2) if interval in intervals), 0)
        seventh = next((interval for interval in (10, 11, 9) if interval in intervals), third)
        return frozenset(((self.chord.root + third) % 12, (self.chord.root + seventh) % 12))


class FollowedPlan:
    """The plans, merged, of the first player under `listen` that has announced one. Beats are as written; `sounding`
    gives those at which the notes sound."""

    def __init__(self, listen: Sequence[str]) -> None:
        self._listen = tuple(listen)
        self.clear()

    def clear(self) -> None:
        """Forget all plans."""
        self.source: str | None = None  # the player that is followed
        self.melody: tuple[Note, ...] = ()  # no two notes sound at once
        self._chords: list[PlannedChord] = []
        self._sections: list[Section] = []
        self._feels: list[tuple[float, Feel]] = []
        self._harmonies: dict[int, Harmony | None] = {}  # by number of the chord

    def learn(self, source: str, plan: Plan) -> bool:
        """Take a plan. False if it does not count, because another player is followed."""
        if source not in self._listen:
            return False
        if self.source is not None and source != self.source:
            if self._listen.index(source) > self._listen.index(self.source):
                return False
            self.clear()
        self.source = source
        self._chords = _merged(self._chords, _lasting(plan.chords, plan.beat), plan.beat)
        self._sections = _merged(self._sections, _lasting(plan.sections, plan.beat), plan.beat)
        self.melody = _in_one_voice(_merged(self.melody, plan.melody, plan.beat))
        if plan.feel is not None:
            earlier = [(beat, feel) for beat, feel in self._feels if beat < plan.beat - EPSILON]
            self._feels = [*earlier, (plan.beat, plan.feel)][-MOST_KEPT:]
        self._harmonies.clear()
        return True

    def chord(self, beat: float) -> tuple[Chord | None, bool]:
        """The chord at `beat`, and whether no harmony is wanted there."""
        harmony = self.harmony(beat)
        return None if harmony is None else harmony.chord, self.rests(beat)

    @property
    def has_chords(self) -> bool:
        return bool(self._chords)

    def harmony(self, beat: float) -> Harmony | None:
        """The chord at `beat`. None where none is planned, or a symbol that is no chord."""
        index = _index(self._chords, beat)
        if index is None:
            return None
        if index not in self._harmonies:
            self._harmonies[index] = self._harmony(index)
        return self._harmonies[index]

    def _harmony(self, index: int) -> Harmony | None:
        if (chord := chord_named(self._chords[index].symbol)) is None:
            return None
        context = [0.0] * 12
        for number in range(max(index - NEIGHBOURS, 0), min(index + NEIGHBOURS + 1, len(self._chords))):
            other = chord_named(self._chords[number].symbol)
            for pitch_class in other.pitch_classes if other is not None else ():
                context[pitch_class] += 1 / (1 + abs(number - index))
        return Harmony(self._chords[index].onset, chord, chord_scale(chord, tuple(context)))

    def rests(self, beat: float) -> bool:
        """Whether no harmony is wanted at `beat`: in a bar without a chord, and in a break."""
        index = _index(self._chords, beat)
        return (index is not None and self._chords[index].symbol == NO_CHORD) or self.in_break(beat)

    def section(self, beat: float) -> Section | None:
        index = _index(self._sections, beat)
        return None if index is None else self._sections[index]

    def next_section(self, beat: float) -> Section | None:
        """The first section that begins after `beat`."""
        index = bisect_right(self._sections, beat + EPSILON, key=_onset)
        return self._sections[index] if index < len(self._sections) else None

    def in_break(self, beat: float) -> bool:
        """Whether the band is silent: in a break, after its first beat."""
        section = self.section(beat)
        return section is not None and section.name == BREAK and beat > section.onset + FIRST_BEAT - EPSILON

    def in_ending(self, beat: float, after: float = 2 * EPSILON) -> bool:
        """Whether `beat` lies in an ending, `after` so many beats of it: the last chord was struck."""
        section = self.section(beat)
        return section is not None and section.name == ENDING and beat > section.onset + after - EPSILON

    def ends_silently(self, section: Section) -> bool:
        """Whether `section` is an ending without a last chord."""
        return section.name == ENDING and self.rests(section.onset)

    def is_over(self, beat: float) -> bool:
        """Whether an ending is over, and nothing follows at `beat`."""
        index = bisect_right(self._sections, beat + EPSILON, key=_onset) - 1
        last = self._sections[index] if index >= 0 else None
        return last is not None and last.name == ENDING and beat > last.onset + last.duration - EPSILON

    def feel(self, beat: float) -> Feel | None:
        """None if no feel was announced; before the first one, that one."""
        if not self._feels:
            return None
        return next((feel for since, feel in reversed(self._feels) if since <= beat + EPSILON), self._feels[0][1])

    def swing(self, beat: float) -> float:
        """In percent (daemon.music.feel.Feel)."""
        feel = self.feel(beat)
        return STRAIGHT if feel is None else feel.swing

    def sounding(self, beat: float) -> float:
        """Where a note that is written at `beat` sounds."""
        swing = self.swing(beat)
        return beat if swing == STRAIGHT else sounding(beat, swing)


def _merged(before: Iterable[PartT], after: Iterable[PartT], beat: float) -> list[PartT]:
    """What was planned before `beat`, cut where the first part of the new plan begins, and the new plan."""
    new = sorted(after, key=_onset)
    first = min(beat, new[0].onset) if new else beat
    kept = [part for part in before if part.onset < first - EPSILON]
    if kept and kept[-1].onset + kept[-1].duration > first:
        kept[-1] = replace(kept[-1], duration=first - kept[-1].onset)
    return [*kept[-MOST_KEPT:], *new]


def _lasting(parts: Iterable[PartT], beat: float) -> list[PartT]:
    """The parts that last after `beat`; one that has begun by then is given whole."""
    return [part for part in parts if part.onset + part.duration > beat + EPSILON]


def _in_one_voice(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Of notes that begin together the highest, each until the next one begins."""
    highest = {note.onset: note for note in sorted(notes, key=lambda note: note.pitch)}
    line = sorted(highest.values(), key=_onset)
    ends = [*(note.onset for note in line[1:]), math.inf]
    return tuple(
        replace(note, duration=min(note.duration, end - note.onset)) for note, end in zip(line, ends, strict=False)
    )


def _index(parts: Sequence[PlannedChord] | Sequence[Section], beat: float) -> int | None:
    """The number of the part that lasts at `beat`."""
    index = bisect_right(parts, beat + EPSILON, key=_onset) - 1
    return index if index >= 0 and beat < parts[index].onset + parts[index].duration - EPSILON else None


def _onset(part: PlannedChord | Section | Note) -> float:
    return part.onset
