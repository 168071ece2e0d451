"""How often the voices beside the melody move."""

from __future__ import annotations

from enum import Enum

from daemon.encodings.chorale import STEPS_PER_BEAT


class Density(Enum):
    """Whether the voices may move in every 16th, on beats, or only with notes of the melody of at least a beat."""

    EVERY_NOTE = "every note"
    BEATS = "beats"
    LONG_NOTES = "long notes"

    def moves(self, position: int, begins_long: bool) -> bool:
        """Whether the voices may move in a 16th, `position` 16ths after the bar line. `begins_long`: a long note of the
        melody begins, or, if the melody is played on keys, is found to be long."""
        if self is Density.BEATS:
            return position % STEPS_PER_BEAT == 0
        return self is Density.EVERY_NOTE or begins_long
