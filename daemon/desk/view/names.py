"""Names of notes and chords, spelled by key; names of drums."""

from __future__ import annotations

from collections.abc import Iterable

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
        letter, accidentals = self._spelled(pitch)
        return letter + ("♯" * accidentals or "♭" * -accidentals)

    def note(self, pitch: int) -> str:
        """C4 is middle C, 60."""
        _, accidentals = self._spelled(pitch)
        return f"{self.name(pitch)}{(pitch - accidentals) // 12 - 1}"

    def chord(self, pitches: Iterable[int]) -> str:
        """Root and quality, or an empty string. If several roots fit, the lowest sounding pitch decides."""
        low_first = sorted(pitches)
        classes = {pitch % 12 for pitch in low_first}
        for root in dict.fromkeys(pitch % 12 for pitch in low_first):
            quality = _CHORDS.get(tuple(sorted((c - root) % 12 for c in classes)))
            if quality is not None:
                return self.name(root) + quality
        return ""

    def _spelled(self, pitch: int) -> tuple[str, int]:
        """The letter, and its sharps, or flats if negative."""
        first = min(max(self.fifths - 3, -7), 0)  # of twelve fifths in a row; no double accidentals
        place = first + (pitch * 7 - first) % 12
        return _LETTERS[(place + 1) % 7], (place + 1) // 7


def drum(pitch: int) -> str:
    return DRUMS.get(pitch, f"drum {pitch}")
