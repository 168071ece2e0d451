"""A lead sheet: melody, chord symbols and form of a song, one time through. How a band plays it is its feel."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section


@dataclass(frozen=True, slots=True)
class Key:
    """`tonic`: a pitch class; `mode`: major or minor."""

    tonic: int
    mode: str = "major"

    @property
    def fifths(self) -> int:
        """The key signature: sharps, or flats below 0, from -6 to 6."""
        return ((self.tonic + (3 if self.mode == "minor" else 0)) * 7 + 6) % 12 - 6


@dataclass(frozen=True, slots=True)
class LeadSheet:
    """Onsets are in beats from the first bar line; an upbeat is a melody note before 0, less than a bar early.

    `meter`: beats of a bar and the note that is a beat, as (6, 8). Chords do not overlap; where there is none, the
    symbol is NO_CHORD. `sections` cover the whole length. `feel`: one of daemon.music.feel.FEELS, or "". `melody` is
    empty where only chords are given.
    """

    title: str
    key: Key
    meter: tuple[int, int]
    bpm: float
    length: float
    chords: tuple[PlannedChord, ...]
    sections: tuple[Section, ...]
    melody: tuple[Note, ...] = ()
    composer: str = ""
    feel: str = ""

    @property
    def bar(self) -> float:
        """The length of a bar in beats (quarter notes)."""
        beats, unit = self.meter
        return beats * 4 / unit

    @property
    def bars(self) -> int:
        return round(self.length / self.bar)
