"""Names of notes and chords, spelled by key, the notes of a chord by its root; names of drums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from daemon.music.general_midi import DRUMS

FADE = 0.97  # by which the weight of what was heard sinks with each further note: a phrase counts
CLEARLY = 1.05  # another key signature is taken when it fits better by this factor
_LETTERS = "FCGDAEB"  # in fifths
_SIGNATURES = range(-5, 7)  # from five flats to six sharps
_CHORDS = {
    (0, 4, 7): "",
    (0, 3, 7): "m",
    (0, 3, 6): "dim",
    (0, 4, 8): "aug",
    (0, 5, 7): "sus4",
    (0, 4, 7, 10): "7",
    (0, 4, 7, 11): "maj7",
    (0, 3, 7, 10): "m7",
    (0, 3, 6, 10): "m7♭5",
    (0, 3, 6, 9): "dim7",
}
_DIMINISHED = ("dim", "m7♭5", "dim7")
_FIFTHS = {0: 0, 3: -3, 4: 4, 5: -1, 6: -6, 7: 1, 8: 8, 9: -9, 10: -2, 11: 5}  # from a chord's root, by semitones
_FLATS, _SHARPS = -8, 12  # the first and the last fifth from C without a double accidental: F♭, B♯
Spelling = Mapping[int, int]  # pitch class → fifths from C


class Key:
    """The key signature that fits the notes that were heard recently; `fifths`: sharps, or flats if negative."""

    def __init__(self) -> None:
        self.fifths = 0
        self._weights = [0.0] * 12  # by pitch class

    def hear(self, pitch: int) -> None:
        self._weights = [weight * FADE for weight in self._weights]
        self._weights[pitch % 12] += 1

    def decide(self) -> None:
        """Take the key signature that fits best by now."""
        best = max(_SIGNATURES, key=lambda fifths: (self._fit(fifths), -abs(fifths)))
        if self._fit(best) > self._fit(self.fifths) * CLEARLY:
            self.fifths = best

    def _fit(self, fifths: int) -> float:
        """The weight of the notes in the scale of a signature: seven fifths in a row, F to B in C major."""
        return sum(self._weights[place * 7 % 12] for place in range(fifths - 1, fifths + 6))

    def name(self, pitch: int) -> str:
        """Without the octave. In C major the notes are E♭ to G♯ in fifths, in other keys as many around that key."""
        return _name(self._place(pitch))

    def note(self, pitch: int, spelling: Spelling = MappingProxyType({})) -> str:
        """C4 is middle C, 60. A pitch class in `spelling` is spelled as there."""
        place = spelling.get(pitch % 12, self._place(pitch))
        return f"{_name(place)}{(pitch - _accidentals(place)) // 12 - 1}"

    def chord(self, pitches: Iterable[int]) -> str:
        """Root and quality, or an empty string. If several roots fit, the lowest sounding pitch decides."""
        place, quality, _ = self._recognise(pitches)
        return "" if quality is None else _name(place) + quality

    def spelling(self, pitches: Iterable[int]) -> Spelling:
        """Of the notes of a chord: third, fifth and seventh of its root. Empty for pitches that are no chord."""
        place, quality, root = self._recognise(pitches)
        if quality is None:
            return {}
        return {(root + interval) % 12: _simple(place + fifths) for interval, fifths in _FIFTHS.items()}

    def _recognise(self, pitches: Iterable[int]) -> tuple[int, str | None, int]:
        """The root in fifths from C, the quality (None: no chord), and the root's pitch class."""
        low_first = sorted(pitches)
        classes = {pitch % 12 for pitch in low_first}
        for root in dict.fromkeys(pitch % 12 for pitch in low_first):
            quality = _CHORDS.get(tuple(sorted((c - root) % 12 for c in classes)))
            if quality is not None:
                place = self._place(root)
                is_in_key = self.fifths - 1 <= place < self.fifths + 6
                if place in (8, 9, 10) and not is_in_key and quality not in _DIMINISHED:
                    place -= 12  # A♭, E♭, B♭; but G♯dim leads to A
                return place, quality, root
        return 0, None, 0

    def _place(self, pitch: int) -> int:
        """In fifths from C."""
        first = min(max(self.fifths - 3, -7), 0)  # of twelve fifths in a row; no double accidentals
        return first + (pitch * 7 - first) % 12


def _name(place: int) -> str:
    accidentals = _accidentals(place)
    return _LETTERS[(place + 1) % 7] + ("♯" * accidentals or "♭" * -accidentals)


def _accidentals(place: int) -> int:
    """Sharps, or flats if negative."""
    return (place + 1) // 7


def _simple(place: int) -> int:
    """The same pitch without a double accidental: D for E♭♭."""
    return place + 12 if place < _FLATS else place - 12 if place > _SHARPS else place


def drum(pitch: int) -> str:
    return DRUMS.get(pitch, f"drum {pitch}")
