"""How the followed loudness and density change what sounds: velocities, instruments, and the hits that are left out."""

from __future__ import annotations

from typing import NamedTuple

from daemon.encodings.drums.hits import INSTRUMENTS, TICKS
from daemon.engines.drums.kit import CRASH, KICK, OPEN_HAT
from daemon.engines.drums.primer import NEAR, Note

DOUBLINGS = 3.7  # of the velocities, per unit of loudness, before the limit
GAIN = 1.45  # of the velocities at loudness 0.5: the grooves are softer than drummers are in the mean
LIMIT, SHARPNESS = 125.0, 4.0  # velocities approach the limit; the sharper, the later they bend
CROSS_STICK_BELOW = 0.3  # loudness below which strokes of the snare are struck on its rim, and cymbals are soft
SOFT_AND_FULL = 0.2  # by so much the loudness may be less than the density without leaving out hits
GHOST = 40  # velocity of the model below which a stroke of the snare is a ghost note
SIXTEENTHS, EIGHTHS, ON_BEAT = (0.5, 0.25), (0.45, 0.2), (0.35, 0.05)  # fullness at which hits thin out, and are gone
SWUNG = 0.72 * TICKS + NEAR  # latest second eighth of a beat, swung or not; later hits are 16ths
SNARES = frozenset(INSTRUMENTS.index(note) for note in (37, 38, 40))
_SNARE, _RIM_SHOT, _STICK, _CLOSED_HAT, _RIDE = (INSTRUMENTS.index(note) for note in (38, 40, 37, 42, 51))
_SOFTER = {OPEN_HAT: _CLOSED_HAT, CRASH: _RIDE}


class Intensity(NamedTuple):
    """`loudness` and `density` from 0 to 1; 0.5: those of the groove."""

    loudness: float
    density: float

    def velocity(self, velocity: int) -> int:
        """The velocity that sounds: order is kept, so ghost notes stay below the others, and none reaches the limit."""
        wanted = velocity * GAIN * 2.0 ** (DOUBLINGS * (self.loudness - 0.5))
        bent: float = wanted / (1 + (wanted / LIMIT) ** SHARPNESS) ** (1 / SHARPNESS)
        return min(max(round(bent), 1), 127)

    def instrument(self, note: Note) -> int:
        """The instrument that is struck: a softer one where the playing is soft."""
        if self.loudness >= CROSS_STICK_BELOW:
            return note.instrument
        if note.instrument in (_SNARE, _RIM_SHOT) and note.velocity >= GHOST:
            return _STICK
        return _SOFTER.get(note.instrument, note.instrument)

    def omission(self, note: Note, beat: int = TICKS) -> float:
        """The probability that a hit is left out: first 16ths, then eighths, then cymbals on beats, which have `beat`
        ticks."""
        fullness = (self.density + min(self.density, self.loudness + SOFT_AND_FULL)) / 2
        if fullness >= SIXTEENTHS[0]:
            return 0.0
        place = (note.tick + NEAR) % beat
        if place <= 2 * NEAR:
            if note.instrument == KICK or note.instrument in SNARES:
                return 0.0
            begin, end = ON_BEAT
        elif TICKS // 2 <= place <= SWUNG if beat == TICKS else place % (TICKS // 2) <= 2 * NEAR:
            begin, end = EIGHTHS
        else:
            begin, end = SIXTEENTHS
        return min(max((begin - fullness) / (begin - end), 0.0), 1.0)
