"""Names of notes."""

from __future__ import annotations

import re

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}


def name_of_pitch(pitch: int) -> str:
    """C4 is 60."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def pitch_named(name: str) -> int | None:
    """The pitch, 0–127, of a name such as C4 (60), F#3 or Bb2, or of its number; None if `name` is none of them."""
    if re.fullmatch("[0-9]{1,3}", name):
        pitch = int(name)
    elif found := re.fullmatch("([A-Ga-g])([#♯b♭]?)(-?[0-9])", name):
        step, accidental, octave = found.groups()
        pitch = 12 * (int(octave) + 1) + _STEPS[step.upper()] + _ACCIDENTALS[accidental]
    else:
        return None
    return pitch if 0 <= pitch <= 127 else None
