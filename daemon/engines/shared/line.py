"""A known melody as one line of notes for each given voice, exactly and on the grid of 16ths."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, TypeVar

from daemon.encodings.chorale import RANGES, VOICES
from daemon.music.melody import Melody, Note

STEP = 0.25  # beats: one 16th
HALF_STEP = STEP / 2  # a note belongs to the nearest 16th, at most this far from its onset
EPSILON = 1e-6  # beats


@dataclass(frozen=True, slots=True)
class LineStep:
    """One 16th of a line: the pitch as in the file, or None for a rest, and whether the note is struck there."""

    pitch: int | None
    struck: bool = False
    velocity: int = 64


class Pitched(Protocol):
    @property
    def pitch(self) -> int: ...
    @property
    def onset(self) -> float: ...


NoteT = TypeVar("NoteT", bound=Pitched)


def assign_voices(notes: Sequence[NoteT], given: Sequence[str]) -> dict[str, NoteT]:
    """The sounding note that leads each of the `given` voices, listed from the top: the highest note the first voice,
    the next highest the second …, and the lowest the bass. With fewer notes than voices, the lower voices get none."""
    descending = sorted(notes, key=lambda note: (-note.pitch, -note.onset))
    if given and given[-1] == "bass" and len(descending) > len(given):
        descending = [*descending[: len(given) - 1], descending[-1]]
    return dict(zip(given, descending, strict=False))


class Line:
    """One voice of a melody: notes of which no two sound at once, repeated every `period` beats (None: played once).

    `is_part`: the line is a part of the file, so that its rests are rests; otherwise its notes were selected from a
    part with chords. `transposition`: semitones, a multiple of 12, that bring most of the line into the voice's range.
    """

    def __init__(self, notes: Sequence[Note], period: float | None, voice: str, is_part: bool) -> None:
        self.notes = tuple(notes)
        self.period, self.is_part = period, is_part
        self.transposition = _transposition(notes, voice)
        self._onsets = [note.onset for note in self.notes]
        self._end = max((note.onset + note.duration for note in self.notes), default=0.0)

    def continues_after(self, beat: float) -> bool:
        """Whether the line ends after `beat`, or never."""
        return bool(self.notes) and (self.period is not None or beat < self._end - EPSILON)

    def between(self, start: float, end: float) -> Iterator[Note]:
        """The notes whose onset lies in [start, end), loops unrolled."""
        repetition = math.floor(start / self.period) if self.period and start > 0 else 0
        while True:
            offset = repetition * self.period if self.period else 0.0
            for index in range(bisect_left(self._onsets, start - offset), len(self.notes)):
                note = self.notes[index]
                if offset + note.onset >= end:
                    return
                yield replace(note, onset=offset + note.onset)
            repetition += 1
            if not self.period or repetition * self.period >= end:
                return

    def sounding(self, beat: float) -> Note | None:
        """The note that sounds at `beat`, its onset in beats of the clock, loops unrolled."""
        repetition = math.floor(beat / self.period) if self.period and beat > 0 else 0
        offsets = (repetition * self.period, (repetition - 1) * self.period) if self.period and repetition else (0.0,)
        for offset in offsets:
            index = bisect_right(self._onsets, beat - offset + EPSILON) - 1
            if index >= 0:
                note = self.notes[index]
                sounds = offset + note.onset + note.duration > beat + EPSILON
                return replace(note, onset=offset + note.onset) if sounds else None
        return None

    def at(self, frame: int) -> LineStep:
        """16th number `frame`: the note that starts nearest to the 16th, else the note that is held through at least
        half of it."""
        beat = frame * STEP
        starting = list(self.between(beat - HALF_STEP, beat + HALF_STEP))
        if starting:
            note = min(starting, key=lambda n: (round(abs(n.onset - beat), 6), -n.duration))
            return LineStep(note.pitch, True, note.velocity)
        held = self.sounding(beat)
        if held is None or held.onset + held.duration < beat + HALF_STEP - EPSILON:
            return LineStep(None)
        return LineStep(held.pitch, False, held.velocity)


def melody_lines(melody: Melody, given: Sequence[str]) -> dict[str, Line]:
    """The line of each given voice.

    A file of four parts holds the four voices; a file of at least as many parts as given voices holds the given voices
    from the top; of any other file, all notes are distributed among the given voices as chords on keys are. A voice
    without a note is left out.
    """
    period = melody.length if melody.loop else None
    if melody.parts == len(VOICES):
        parts = {voice: VOICES.index(voice) for voice in given}
    elif melody.parts >= len(given):
        parts = {voice: part for part, voice in enumerate(given)}
    else:
        parts = {}
    if not parts:
        notes_of = _split_into_voices(melody.notes, given)
    else:
        notes_of = {
            voice: _split_into_voices([note for note in melody.notes if note.part == part], (voice,))[voice]
            for voice, part in parts.items()
        }
    return {voice: Line(notes, period, voice, bool(parts)) for voice, notes in notes_of.items() if notes}


def _transposition(notes: Sequence[Note], voice: str) -> int:
    low, high = RANGES[voice]
    octaves = sorted(range(-120, 121, 12), key=abs)
    return max(octaves, key=lambda shift: sum(note.duration for note in notes if low <= note.pitch + shift <= high))


def _split_into_voices(notes: Sequence[Note], voices: Sequence[str]) -> dict[str, list[Note]]:
    """Distribute the notes that sound at every moment among the voices. A note that its voice leaves for another note
    ends there."""
    edges = sorted({note.onset for note in notes} | {note.onset + note.duration for note in notes})
    sounding = _SoundingNotes(notes)
    split: dict[str, list[Note]] = {voice: [] for voice in voices}
    source: dict[str, Note] = {}  # the note of `notes` that each voice played last
    for start, end in pairwise(edges):
        if end - start < EPSILON:
            continue
        for voice, note in assign_voices(sounding.outer(start, len(voices)), voices).items():
            line = split[voice]
            if line and source[voice] is note and abs(line[-1].onset + line[-1].duration - start) < EPSILON:
                line[-1] = replace(line[-1], duration=end - line[-1].onset)
            else:
                line.append(replace(note, onset=start, duration=end - start))
            source[voice] = note
    return split


class _SoundingNotes:
    """The notes that sound at a beat; beats are asked for in ascending order.

    Only a few are looked at however many sound, so that a line is made in time linear in the number of notes.
    """

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = sorted(notes, key=lambda note: note.onset)
        self._started = 0
        self._descending: list[tuple[int, float, int]] = []  # (-pitch, -onset, index); some of the notes have ended

    def outer(self, beat: float, count: int) -> list[Note]:
        """The `count` highest notes, in the order of assign_voices; if more notes sound, then the lowest, too."""
        while self._started < len(self._notes) and self._notes[self._started].onset <= beat + EPSILON:
            note = self._notes[self._started]
            insort(self._descending, (-note.pitch, -note.onset, self._started))
            self._started += 1
        found: list[Note] = []
        while len(found) < min(count, len(self._descending)):
            if self._has_ended(len(found), beat):
                del self._descending[len(found)]
            else:
                found.append(self._notes[self._descending[len(found)][2]])
        while len(self._descending) > count and self._has_ended(-1, beat):
            self._descending.pop()
        return found if len(self._descending) <= count else [*found, self._notes[self._descending[-1][2]]]

    def _has_ended(self, place: int, beat: float) -> bool:
        note = self._notes[self._descending[place][2]]
        return note.onset + note.duration <= beat + EPSILON
