"""What keeps a model on the bar that knows none, and gives it velocities: the groove that it starts from."""

from __future__ import annotations

import numpy as np

from daemon.encodings.drums.hits import COUNT, INSTRUMENTS, Floats, Hit, Ints
from daemon.engines.drums.primer import Primer

SIXTEENTH = 120  # ticks
WIDE = 40  # ticks around a note of the groove that count as its place
TO_NOTE, TO_GRID = 4.0, 1.0
PULL = 0.5  # of a hit's distance from its place that is taken away
GHOST, ROLL, UNEVEN = 45, 85, 8  # velocity of a hit that the groove has not, and in a fill; how far velocities vary
FILL: Floats = np.array(  # nats of the instruments in a fill: drums, not cymbals
    [2.0 if n in (38, 41, 43, 45, 47, 48, 50) else 0.0 if n in (36, 40) else -3.0 for n in INSTRUMENTS],
    dtype=np.float32,
)


class Guide:
    """The RNN drummer only knows how long ago the last hit was. A hit gains weight at the places of the bar where the
    groove has one of its instrument, and on the 16ths; there it is drawn closer, so that what is a little early or late
    does not add up. `weights` (17, ticks of the groove) are those of instruments at ticks since its bar line."""

    def __init__(self, primer: Primer) -> None:
        shape = COUNT, primer.length
        off = (np.arange(primer.length) + SIXTEENTH // 2) % SIXTEENTH - SIXTEENTH // 2
        self.weights: Floats = np.zeros(shape, dtype=np.float32)
        self.weights += TO_GRID * (1 - np.abs(off) / (SIXTEENTH / 2))
        self._away: Ints = np.zeros(shape, dtype=np.int64) + off  # ticks since the place that a tick belongs to
        self._velocities: Ints = np.full(shape, GHOST, dtype=np.int64)
        around = np.arange(-WIDE, WIDE + 1)
        for note in primer.notes:
            at, gain = (note.tick + around) % primer.length, TO_NOTE * (1 - np.abs(around) / (2 * WIDE))
            better = gain > self.weights[note.instrument, at]
            self.weights[note.instrument, at[better]] = gain[better]
            self._away[note.instrument, at[better]] = around[better]
            self._velocities[note.instrument, at[better]] = note.velocity

    def place(self, hit: Hit, last: int, earliest: Ints, random: np.random.Generator, fill: bool) -> Hit:
        """The same nearer to where it belongs, and as hard as it is played there, more or less.

        `last` is the tick of the hit before; after it no instrument comes sooner than `earliest` (17,) ticks.
        """
        tick = (last + hit.gap) % self.weights.shape[1]
        gap = hit.gap - round(PULL * int(self._away[hit.instrument, tick]))
        velocity = max(int(self._velocities[hit.instrument, tick]), ROLL if fill else 0)
        velocity = min(max(velocity + int(random.integers(-UNEVEN, UNEVEN + 1)), 1), 127)
        return Hit(max(gap, int(earliest[hit.instrument]), 0), hit.instrument, velocity)
