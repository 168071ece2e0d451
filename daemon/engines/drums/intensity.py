"""The intensity of the players that the drummer listens to: how loud and how dense their notes are."""

from __future__ import annotations

import math

from daemon.engines.drums.dynamics import Intensity
from daemon.music.events import MidiEvent, is_note_on

CHORD = 0.06  # beats within which notes count as one onset
MEMORY = 4.0  # beats after which the weight of an onset is 1/e
MIN_DENSITY, MAX_DENSITY = 0.5, 8.0  # onsets per beat at intensity 0 and 1
MIN_VELOCITY, MAX_VELOCITY = 30, 115  # velocities at intensity 0 and 1
LEAST_ONSETS = 1e-3  # weighted sum of onsets below which there is nothing to measure


class IntensityFollower:
    """Running averages over note-ons; the weight of an onset decays exponentially with its age."""

    def __init__(self) -> None:
        self._onsets = 0.0  # sum of e^(−age / MEMORY) over the onsets
        self._loudness = 0.0  # sum of their velocities, with the same weights
        self._beat = -math.inf  # of the last onset

    def hear(self, event: MidiEvent) -> None:
        if not is_note_on(event.message):
            return
        velocity = float(event.message[2])
        if event.beat < self._beat:  # the clock was set back
            self._onsets = self._loudness = 0.0
        elif event.beat - self._beat < CHORD:
            return
        decay = self._decay(event.beat)
        self._onsets = self._onsets * decay + 1.0
        self._loudness = self._loudness * decay + velocity
        self._beat = event.beat

    def heard(self, beat: float, bar: float) -> tuple[Intensity, float]:
        """(loudness and density of the notes heard; their weight, 1 … 0) at `beat`.

        The weight is 1 until a bar (in beats) after the last onset and falls to 0 within another bar.
        """
        onsets = self._onsets * self._decay(beat)
        if onsets < LEAST_ONSETS:
            return Intensity(0.0, 0.0), 0.0
        density = math.log(onsets / MEMORY / MIN_DENSITY) / math.log(MAX_DENSITY / MIN_DENSITY)
        loudness = (self._loudness / self._onsets - MIN_VELOCITY) / (MAX_VELOCITY - MIN_VELOCITY)
        silence = (beat - self._beat) / max(bar, 1e-6)
        return Intensity(_clipped(loudness), _clipped(density)), _clipped(2.0 - silence)

    def _decay(self, beat: float) -> float:
        return math.exp(-max(beat - self._beat, 0.0) / MEMORY) if self._onsets else 0.0


def _clipped(value: float) -> float:
    """The value, limited to 0 … 1."""
    return min(max(value, 0.0), 1.0)
