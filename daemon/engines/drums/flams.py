"""Flams and drags: two strokes of the snare within 45 ms, the first of them before the time of the hit.

The network's hits are at least 55 ms apart on one piece, so the first strokes are added. How often, how early and how
loud they are was counted in the training split of the Groove MIDI Dataset (export_tools/drums/flams.py): softest
strokes are dragged, two about equal ones. The first strokes of the loudest are soft in a third of the pairs; here in
all, as a flam is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from daemon.encodings.drums.hits import INSTRUMENTS
from daemon.engines.drums.primer import Note

DRUM = frozenset(INSTRUMENTS.index(note) for note in (38, 40))
BINS = 32  # velocities in each of the classes below
SHARES = (0.12, 0.053, 0.07, 0.033)  # of the strokes, softest class first
VELOCITIES = (1.1, 1.0, 0.65, 0.36)  # of the first stroke, as a multiple of the second's
SPACING, SPREAD = 0.032, 0.007  # seconds: mean and standard deviation
CLOSEST, WIDEST = 0.015, 0.044  # seconds


class FirstStroke(NamedTuple):
    """`ahead`: seconds before the hit; `velocity` of the network's scale."""

    ahead: float
    velocity: int


class Flams:
    """Draws, once for each hit, whether a stroke precedes it."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._drawn_for: Note | None = None
        self._first: FirstStroke | None = None

    def take(self, note: Note, earliest: float, latest: float) -> FirstStroke | None:
        """The first stroke of `note`, if there is one that begins `earliest` to `latest` seconds before the hit; it is
        returned once."""
        if self._drawn_for is not note:
            self._drawn_for, self._first = note, self._draw(note)
        first = self._first
        if first is None or not latest < first.ahead <= earliest:
            return None
        self._first = None
        return first

    def _draw(self, note: Note) -> FirstStroke | None:
        kind = note.velocity // BINS
        if note.instrument not in DRUM or self._random.random() >= SHARES[kind]:
            return None
        ahead = float(np.clip(self._random.normal(SPACING, SPREAD), CLOSEST, WIDEST))
        return FirstStroke(ahead, min(max(round(note.velocity * VELOCITIES[kind]), 1), 127))
