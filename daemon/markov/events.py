"""Events of lead sheets, relative to the tonic, in ticks of a twelfth of a quarter note."""

from __future__ import annotations

TICKS = 12  # of a quarter note: 16ths and triplets
REST = -128  # in the place of a pitch; style files hold it

MelodyEvent = tuple[int, int]  # semitones above the tonic, may be below 0 or over 12, or REST; duration
ChordEvent = tuple[int, str, int]  # root, semitones above the tonic, 0-11; quality, such as "" or m7; duration
