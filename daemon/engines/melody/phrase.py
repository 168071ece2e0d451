"""A phrase that was heard, and an answer to it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.encodings.melody.events import FIRST_PITCH
from daemon.engines.melody.top_line import TopNote
from daemon.engines.shared.line import EPSILON
from daemon.music.melody import Melody


@dataclass(slots=True)
class Phrase:
    """What `source` played from 16th number `start` on; its bars count from 16th number `bar`. Its first note is at
    `place` in its bar, in 16ths.

    `frames` and `velocities`: 16th and velocity of each note, in order.
    """

    source: str
    start: int
    bar: int
    place: int
    bars: int = 0  # bars that have ended; -1 in an upbeat
    length: int = 0  # in 16ths, once the phrase has ended
    frames: list[int] = field(default_factory=list)
    velocities: list[int] = field(default_factory=list)

    def hear(self, note: TopNote, longest: int) -> None:
        """Add a note, and drop notes more than `longest` 16ths before it."""
        self.frames.append(note.frame)
        self.velocities.append(note.velocity)
        self.start = max(self.start, note.frame - longest)
        while self.frames[0] < self.start:
            del self.frames[0], self.velocities[0]

    def onsets(self) -> frozenset[int]:
        """16ths, from the beginning of the phrase, in which a note began."""
        return frozenset(frame - self.start for frame in self.frames)

    def velocity(self, place: int) -> int:
        """Velocity of the last note up to `place`, in 16ths from the beginning of the phrase."""
        return self.velocities[max(bisect_right(self.frames, self.start + place) - 1, 0)]


def rests_at(melody: Melody, start: float, beat: float, rest: float) -> bool:
    """Whether a rest of `rest` beats has begun by `beat` in a melody, of which the notes from beat `start` on count."""
    following = next((note.onset for note in melody.between(beat, beat + rest)), math.inf)
    latest = min(beat, following - rest) + EPSILON  # when the notes must have ended
    if any(melody.between(latest, beat)):  # so that most melodies are not read from their start in every 16th
        return False
    ends = (note.onset + note.duration for note in melody.between(start, beat))
    return max(ends, default=math.inf) <= latest


@dataclass(slots=True)
class Answer:
    """An answer as it is played from 16th number `start` on, for `length` 16ths; its first note begins at `first`, in
    16ths since `start`. `onsets`: 16ths at which notes of the phrase began, counted from the beginning of the phrase.

    `events`: by 16ths since `start`. `repeated`: the events that it repeats, also by 16ths; None if the model generates
    it. `last_repeated` and `last_played`: the last note repeated, and the note that was played in its place.
    """

    start: int
    length: int
    first: int = 0
    requested: bool = False  # begun by control or at a bar line, not by a rest
    onsets: frozenset[int] = frozenset()
    repeated: Mapping[int, int] | None = None
    events: dict[int, int] = field(default_factory=dict)
    last_repeated: int | None = None
    last_played: int | None = None

    def held(self, place: int) -> int:
        """16ths since the last note, at `place`."""
        return next((place - at for at in reversed(self.events) if self.events[at] >= FIRST_PITCH), 0)
