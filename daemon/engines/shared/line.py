"""The lines of a melody whose future is known: what each given voice sings, exactly and on the grid of 16ths."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, TypeVar

from daemon.encodings.chorale import RANGES, VOICES
from daemon.music.melody import Melody, Note

STEP = 0.25  # beats: one 16th
NEAR = STEP / 2  # a note belongs to the 16th that it starts nearest to
EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Step:
    """What a line has on one 16th: its pitch (as written), or None in a rest, and whether it is struck there."""

    pitch: int | None
    struck: bool = False
    velocity: int = 64


class Pitched(Protocol):
    @property
    def pitch(self) -> int: ...
    @property
    def onset(self) -> float: ...


Sung = TypeVar("Sung", bound=Pitched)


def share_out(notes: Sequence[Sung], given: Sequence[str]) -> dict[str, Sung]:
    """Which of the notes that sound leads which of the `given` voices (from the top): the highest the first, the next
    highest the second …, and the lowest the bass. With fewer notes than voices the lower voices stay free."""
    falling = sorted(notes, key=lambda note: (-note.pitch, -note.onset))
    if given and given[-1] == "bass" and len(falling) > len(given):
        falling = [*falling[: len(given) - 1], falling[-1]]
    return dict(zip(given, falling, strict=False))


class Line:
    """One voice of a melody: notes of which no two sound at once, repeated every `period` beats (None: once).

    `written`: it is a part of its own, so that its rests are rests. `shift`: the octaves, in semitones, that bring most
    of it into the range of the voice.
    """

    def __init__(self, notes: Sequence[Note], period: float | None, voice: str, written: bool) -> None:
        self.notes = tuple(notes)
        self.period, self.written = period, written
        self.shift = _shift(notes, voice)
        self._onsets = [note.onset for note in self.notes]
        self._end = max((note.onset + note.duration for note in self.notes), default=0.0)

    def goes_on(self, beat: float) -> bool:
        return bool(self.notes) and (self.period is not None or beat < self._end - EPSILON)

    def between(self, start: float, end: float) -> Iterator[Note]:
        """The notes whose onset lies in [start, end), loops unrolled."""
        turn = math.floor(start / self.period) if self.period and start > 0 else 0
        while True:
            shift = turn * self.period if self.period else 0.0
            for index in range(bisect_left(self._onsets, start - shift), len(self.notes)):
                note = self.notes[index]
                if shift + note.onset >= end:
                    return
                yield replace(note, onset=shift + note.onset)
            turn += 1
            if not self.period or turn * self.period >= end:
                return

    def sounding(self, beat: float) -> Note | None:
        """The note that sounds at `beat`, with its onset on the clock."""
        turn = math.floor(beat / self.period) if self.period and beat > 0 else 0
        for shift in (turn * self.period, (turn - 1) * self.period) if self.period and turn else (0.0,):
            index = bisect_right(self._onsets, beat - shift + EPSILON) - 1
            if index >= 0:
                note = self.notes[index]
                sounds = shift + note.onset + note.duration > beat + EPSILON
                return replace(note, onset=shift + note.onset) if sounds else None
        return None

    def at(self, frame: int) -> Step:
        """What belongs to the 16th with number `frame`: the note that starts nearest to it, else what sounds on through
        at least half of it."""
        beat = frame * STEP
        starting = list(self.between(beat - NEAR, beat + NEAR))
        if starting:
            note = min(starting, key=lambda n: (round(abs(n.onset - beat), 6), -n.duration))
            return Step(note.pitch, True, note.velocity)
        held = self.sounding(beat)
        if held is None or held.onset + held.duration < beat + NEAR - EPSILON:
            return Step(None)
        return Step(held.pitch, False, held.velocity)


def lines(melody: Melody, given: Sequence[str]) -> dict[str, Line]:
    """The given voices' lines.

    A file in four parts holds the four voices; one with enough parts the given ones, from the top; else all its notes
    are shared out as chords on keys would be. A voice that never gets a note is left out.
    """
    period = melody.length if melody.loop else None
    parts = range(melody.parts)
    if melody.parts == len(VOICES):
        parts = range(0)
        chosen = {voice: [VOICES.index(voice)] for voice in given}
    elif melody.parts >= len(given):
        chosen = {voice: [part] for voice, part in zip(given, parts, strict=False)}
    else:
        chosen = {}
    if not chosen:
        shared = _share(melody.notes, given)
    else:
        shared = {
            voice: _share([note for note in melody.notes if note.part in mine], (voice,))[voice]
            for voice, mine in chosen.items()
        }
    return {voice: Line(notes, period, voice, bool(chosen)) for voice, notes in shared.items() if notes}


def _shift(notes: Sequence[Note], voice: str) -> int:
    low, high = RANGES[voice]
    octaves = sorted(range(-120, 121, 12), key=abs)
    return max(octaves, key=lambda shift: sum(note.duration for note in notes if low <= note.pitch + shift <= high))


def _share(notes: Sequence[Note], given: Sequence[str]) -> dict[str, list[Note]]:
    """Share out what sounds at every moment among the voices. What a voice leaves for another note is cut off there."""
    edges = sorted({note.onset for note in notes} | {note.onset + note.duration for note in notes})
    ordered = sorted(notes, key=lambda note: note.onset)
    shared: dict[str, list[Note]] = {voice: [] for voice in given}
    source: dict[str, Note] = {}  # what each voice sang last
    active: list[Note] = []
    at = 0
    for start, end in pairwise(edges):
        active = [note for note in active if note.onset + note.duration > start + EPSILON]
        while at < len(ordered) and ordered[at].onset <= start + EPSILON:
            active.append(ordered[at])
            at += 1
        if end - start < EPSILON:
            continue
        for voice, note in share_out(active, given).items():
            line = shared[voice]
            if line and source[voice] is note and abs(line[-1].onset + line[-1].duration - start) < EPSILON:
                line[-1] = replace(line[-1], duration=end - line[-1].onset)
            else:
                line.append(replace(note, onset=start, duration=end - start))
            source[voice] = note
    return shared
