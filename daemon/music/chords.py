"""Chord symbols of lead sheets: Dm7, F♯ø7, B♭Δ, G7/B. Qualities are pychord's; other spellings map to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pychord.quality import QualityManager

from daemon.suggestions import suggestion

NO_CHORD = "N.C."  # the symbol of bars without harmony
LONGEST_SYMBOL = 40  # characters
_SYMBOL = re.compile(r"([A-G])(##?|bb?)?(.*?)(?:/([A-G])(##?|bb?)?)?")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_SIGNS = str.maketrans({"♯": "#", "♭": "b", "−": "-", "–": "-", "º": "°", " ": "", ",": ""})
_BRACKETS = str.maketrans("", "", "()")  # of a quality: C(b5) is not C♭ with a fifth
# Spellings that pychord does not know, as regular expressions on the quality without signs and brackets, in order.
_SPELLINGS = (
    (r"^(?:Δ|\^|j|Maj|Ma|MA|maj|ma|M)(7|9|13)?", lambda m: f"maj{m[1] or ('7' if m[0] in 'Δ^j' else '')}"),
    (r"^(?:mi(?!n)|min|-)(?!5)", "m"),
    (r"^m(?:Maj|Ma|maj|ma|Δ|\^)7?", "mM7"),
    (r"^(?:ø|Ø|h)7?", "m7b5"),
    (r"^(?:°|o|dim)(7?)", r"dim\1"),
    (r"^(?:\+|aug)(7|9)", r"\g<1>#5"),
    (r"^\+", "aug"),
    (r"^(7|9)(?:\+5|aug|\+)$", r"\1#5"),
    (r"^(m?)6/?9", r"\g<1>69"),
    (r"^(?:7?alt)", "7b9#5"),
    (r"^(?:7b9sus4?|7susb9|sus4?b9)", "7sus4b9"),
    (r"^(7|9|13)sus(?!4)", r"\1sus4"),
    (r"^sus(7|9|13)", r"\1sus4"),
    (r"-(5|9|13)", r"b\1"),
    (r"\+(9|11|13)", r"#\1"),
    (r"^maj$", ""),
)
_MORE_QUALITIES = {  # degrees as in pychord.constants.qualities
    "7sus4b9": ("1", "4", "5", "b7", "b9"),
    "13sus4": ("1", "4", "5", "b7", "9", "13"),
    "7#5#9": ("1", "3", "#5", "b7", "#9"),
    "7b5b9": ("1", "3", "b5", "b7", "b9"),
    "7b5#9": ("1", "3", "b5", "b7", "#9"),
    "maj7b5": ("1", "3", "b5", "7"),
    "maj9#11": ("1", "3", "5", "7", "9", "#11"),
    "maj7#5": ("1", "3", "#5", "7"),
    "m7b5add11": ("1", "b3", "b5", "b7", "11"),
    "m9b5": ("1", "b3", "b5", "b7", "9"),
    "m13": ("1", "b3", "5", "b7", "9", "11", "13"),
    "m#5": ("1", "b3", "#5"),
    "mM9": ("1", "b3", "5", "7", "9"),
    "dimM7": ("1", "b3", "b5", "7"),
    "maj69": ("1", "3", "5", "6", "9"),
}


@dataclass(frozen=True, slots=True)
class Chord:
    """`root` and `bass` are pitch classes; `intervals`: semitones above the root, ascending from 0; a ninth is 14."""

    symbol: str
    root: int
    bass: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> frozenset[int]:
        """Of the chord and its bass."""
        return frozenset({(self.root + interval) % 12 for interval in self.intervals} | {self.bass})

    def transposed(self, semitones: int, flats: bool) -> Chord:
        """`flats`: whether roots on black keys are spelled with flats."""
        return chord_of(transposed_symbol(self.symbol, semitones, flats))


@lru_cache(maxsize=4096)
def chord_of(symbol: str) -> Chord:
    """Raises ValueError, naming the nearest known symbol, if `symbol` is no chord. NO_CHORD is none."""
    if len(symbol) > LONGEST_SYMBOL or (found := _SYMBOL.fullmatch(symbol.translate(_SIGNS))) is None:
        raise ValueError(f"{symbol[:LONGEST_SYMBOL]!r} is no chord: write a root from A to G first, as in Bb7 or F#m7")
    letter, sign, quality, bass_letter, bass_sign = found.groups()
    if (intervals := _intervals(quality)) is None:
        root = symbol.translate(_SIGNS)[: len(letter) + len(sign or "")]
        raise ValueError(f"{symbol!r} is no known chord{suggestion(root + quality, [root + q for q in _qualities()])}")
    root = _pitch_class(letter, sign)
    return Chord(symbol, root, _pitch_class(bass_letter, bass_sign) if bass_letter else root, intervals)


def transposed_symbol(symbol: str, semitones: int, flats: bool) -> str:
    """The symbol with root and bass `semitones` higher; its quality keeps its spelling. Raises ValueError."""
    if symbol == NO_CHORD:
        return symbol
    chord_of(symbol)
    found = _SYMBOL.fullmatch(symbol.translate(_SIGNS))
    assert found is not None
    letter, sign, quality, bass_letter, bass_sign = found.groups()
    root = name_of_pitch_class(_pitch_class(letter, sign) + semitones, flats)
    bass = name_of_pitch_class(_pitch_class(bass_letter, bass_sign) + semitones, flats) if bass_letter else ""
    return f"{root}{quality}{'/' if bass else ''}{bass}"


def name_of_pitch_class(pitch_class: int, flats: bool) -> str:
    return (_FLATS if flats else _SHARPS)[pitch_class % 12]


def _pitch_class(letter: str, sign: str | None) -> int:
    return (_LETTERS[letter] + (sign or "").count("#") - (sign or "").count("b")) % 12


def _intervals(quality: str) -> tuple[int, ...] | None:
    """Semitones above the root; None if the quality is unknown."""
    known, quality = _qualities(), quality.translate(_BRACKETS)
    if quality not in known:
        for pattern, replacement in _SPELLINGS:
            quality = re.sub(pattern, replacement, quality)  # type: ignore[arg-type]
    return known.get(quality)


@lru_cache(maxsize=1)
def _qualities() -> dict[str, tuple[int, ...]]:
    manager = QualityManager()
    for name, degrees in _MORE_QUALITIES.items():
        manager.set_quality(name, degrees)
    return {
        name.translate(_BRACKETS): tuple(sorted(quality.components))
        for name, quality in manager.get_qualities().items()
    }
