"""How hard and how densely those play whom the drummer listens to."""

from __future__ import annotations

import math

from daemon.music.events import MidiEvent, is_note_on

CHORD = 0.06  # beats within which keys are one onset
MEMORY = 4.0  # beats after which an onset counts 1/e
SPARSE, DENSE = 0.5, 8.0  # onsets per beat that are no and full intensity
SOFT, LOUD = 30, 115  # the same for velocities
DEAF = 1e-3  # onsets: fewer are forgotten


class IntensityFollower:
    """Hears notes; between two onsets what was heard fades."""

    def __init__(self) -> None:
        self._onsets = 0.0  # each counts e^(−age / MEMORY)
        self._loudness = 0.0  # sum of their velocities, faded alike
        self._beat = -math.inf  # of the last onset

    def hear(self, event: MidiEvent) -> None:
        if not is_note_on(event.message):
            return
        velocity = float(event.message[2])
        if event.beat < self._beat:  # the clock was set back
            self._onsets = self._loudness = 0.0
        elif event.beat - self._beat < CHORD:
            return
        fade = self._fade(event.beat)
        self._onsets = self._onsets * fade + 1.0
        self._loudness = self._loudness * fade + velocity
        self._beat = event.beat

    def intensity(self, beat: float, bar: float) -> tuple[float, float]:
        """(how intensely they play, 0 … 1; how much that counts, 1 … 0) at `beat`.

        It counts fully until a bar (in beats) after the last onset, and no more after another one.
        """
        onsets = self._onsets * self._fade(beat)
        if onsets < DEAF:
            return 0.0, 0.0
        density = math.log(onsets / MEMORY / SPARSE) / math.log(DENSE / SPARSE)
        loudness = (self._loudness / self._onsets - SOFT) / (LOUD - SOFT)
        silence = (beat - self._beat) / max(bar, 1e-6)
        return (_unit(density) + _unit(loudness)) / 2, _unit(2.0 - silence)

    def _fade(self, beat: float) -> float:
        return math.exp(-max(beat - self._beat, 0.0) / MEMORY) if self._onsets else 0.0


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
