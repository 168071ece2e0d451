"""The measures of a MusicXML part, as written. Onsets and lengths are in beats (quarter notes) of the bar."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from daemon.music.leadsheet import Key

MAX_NUMBER = 12  # characters of a number in a file


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """`is_continued`, `continues`: tied to the next note, to the one before."""

    onset: Fraction
    duration: Fraction
    pitch: int
    is_continued: bool = False
    continues: bool = False


@dataclass(slots=True)
class Measure:
    """`number`: as written. `length`: of what is in the bar. `has_rests`: other rests than of the whole bar. `repeats`:
    how often the music before its backward repeat sign is played, 0 without one. `endings`: the numbers of the volta
    above the bar. `jump`: where to after the bar, "start" or "segno"; `until`: where that ends: "fine", "coda", ""."""

    number: str
    length: Fraction = Fraction(0)
    notes: list[WrittenNote] = field(default_factory=list)
    chords: list[tuple[Fraction, str]] = field(default_factory=list)
    has_rests: bool = False
    begins_repeat: bool = False
    repeats: int = 0
    endings: frozenset[int] = frozenset()
    section: str = ""
    is_double: bool = False  # a double bar line at its end
    has_segno: bool = False
    has_coda: bool = False
    leaves_to_coda: bool = False
    is_fine: bool = False
    jump: str = ""
    until: str = ""


@dataclass(slots=True)
class Part:
    """`words`: all that is written above the notes. `problems`: what is wrong, each with its bar."""

    measures: list[Measure] = field(default_factory=list)
    key: Key = field(default_factory=lambda: Key(0))
    meter: tuple[int, int] = (4, 4)
    bpm: float = 0.0
    words: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def number(text: str, name: str, signed: bool = False) -> Fraction:
    """Raises ValueError, which names `name`."""
    text = text.strip()
    if len(text) > MAX_NUMBER or not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?" if signed else r"[0-9]+(\.[0-9]*)?", text):
        raise ValueError(f"{name} is {text[:MAX_NUMBER]!r}, not a number: export the sheet again")
    return Fraction(text)
