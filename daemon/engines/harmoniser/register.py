"""By how many octaves the choir sounds lower than it is written, so that no voice sounds above a low soprano."""

from __future__ import annotations

from daemon.encodings.chorale import LOWEST, RANGES, VOICES
from daemon.engines.harmoniser.voice_leading import fold

LOWEST_OCTAVES = 24  # semitones by which voices sound lower, at most


class Register:
    """`lower`: semitones, a multiple of 12."""

    def __init__(self) -> None:
        self.lower = 0

    def written(self, pitch: int, voice: str) -> int:
        """The pitch of a key as the model is told it. The octaves stay the same as long as the soprano allows."""
        low, high = RANGES[voice]
        if voice == VOICES[0] and not low <= pitch + self.lower <= high:
            self._lower_by(fold(pitch, voice) - pitch)
        return fold(pitch + self.lower, voice)

    def follow(self, symbol: int, pitch: int) -> None:
        """A known soprano sounds `pitch`, and is written as `symbol`."""
        self._lower_by(LOWEST + symbol - pitch)

    def _lower_by(self, semitones: int) -> None:
        self.lower = min(max(semitones, 0), LOWEST_OCTAVES)
