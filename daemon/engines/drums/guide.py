"""Keeps a model that does not know the bar to the groove that it starts from, and takes velocities from that groove."""

from __future__ import annotations

import numpy as np

from daemon.encodings.drums.hits import COUNT, INSTRUMENTS, Floats, Hit, Ints
from daemon.engines.drums.primer import Primer

SIXTEENTH_TICKS = 120  # ticks
NOTE_WIDTH = 40  # ticks before and after a note of the groove at which a hit belongs to that note
NOTE_WEIGHT, GRID_WEIGHT = 4.0, 1.0  # nats added to a hit on a note of the groove, and on a 16th
PULL = 0.5  # share by which the distance of a hit from its note or 16th is reduced
OTHER_VELOCITY, FILL_VELOCITY = 45, 85  # of a hit that is not in the groove; the least one in a fill
VELOCITY_SPREAD = 8  # velocities vary at random by so much at most
FILL: Floats = np.array(  # nats added to the instruments in a fill: drums, not cymbals
    [2.8 if n in (41, 43, 45, 47, 48, 50) else 2.0 if n == 38 else 0.0 if n in (36, 40) else -3.0 for n in INSTRUMENTS],
    dtype=np.float32,
)


class Guide:
    """Weights of the ticks of a groove, for the RNN drummer, which only knows the gap before the last hit.

    A hit is more likely where the groove has a note of its instrument, and on the 16ths; there the hit is moved closer
    to that note or 16th, so that small deviations do not add up. `weights` (17, ticks of the groove): nats of the
    instruments at ticks since the groove's first bar line.
    """

    def __init__(self, primer: Primer) -> None:
        shape = COUNT, primer.length
        off = (np.arange(primer.length) + SIXTEENTH_TICKS // 2) % SIXTEENTH_TICKS - SIXTEENTH_TICKS // 2
        self.weights: Floats = np.zeros(shape, dtype=np.float32)
        self.weights += GRID_WEIGHT * (1 - np.abs(off) / (SIXTEENTH_TICKS / 2))
        self._distances: Ints = np.zeros(shape, dtype=np.int64) + off  # ticks since the note or 16th of each tick
        self._velocities: Ints = np.full(shape, OTHER_VELOCITY, dtype=np.int64)
        around = np.arange(-NOTE_WIDTH, NOTE_WIDTH + 1)
        for note in primer.notes:
            at, gain = (note.tick + around) % primer.length, NOTE_WEIGHT * (1 - np.abs(around) / (2 * NOTE_WIDTH))
            better = gain > self.weights[note.instrument, at]
            self.weights[note.instrument, at[better]] = gain[better]
            self._distances[note.instrument, at[better]] = around[better]
            self._velocities[note.instrument, at[better]] = note.velocity

    def place(self, hit: Hit, last: int, earliest: Ints, random: np.random.Generator, fill: bool) -> Hit:
        """The hit, moved closer to its note or 16th, with about the velocity that the groove has there.

        `last`: tick of the hit before; `earliest` (17,): the least gap after it, in ticks, of each instrument.
        """
        tick = (last + hit.gap) % self.weights.shape[1]
        gap = hit.gap - round(PULL * int(self._distances[hit.instrument, tick]))
        velocity = max(int(self._velocities[hit.instrument, tick]), FILL_VELOCITY if fill else 0)
        velocity = min(max(velocity + int(random.integers(-VELOCITY_SPREAD, VELOCITY_SPREAD + 1)), 1), 127)
        return Hit(max(gap, int(earliest[hit.instrument]), 0), hit.instrument, velocity)
