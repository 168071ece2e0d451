"""The choruses of a song: each is composed in a thread while the one before plays, so that no note waits for it.

The result is waited for at a fixed beat, so that the same calls give the same music however fast the machine is.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from daemon.futures import in_thread
from daemon.music.leadsheet import LeadSheet
from daemon.song.composer import Composer
from daemon.song.description import Song

KEPT = 4  # choruses


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be composed: chorus `number` from `seed`."""

    seed: int
    number: int


class Choruses:
    """Raises SongError for a song that cannot be composed."""

    def __init__(self, song: Song) -> None:
        self._composer = Composer(song)
        self._composed: dict[Order, Future[LeadSheet]] = {}

    def begin(self, order: Order) -> None:
        """Compose in a thread what will be asked for."""
        if order not in self._composed:
            while len(self._composed) >= KEPT:
                self._composed.pop(next(iter(self._composed)))
            self._composed[order] = in_thread(lambda: self._compose(order), f"chorus {order.number}")

    def sheet(self, order: Order) -> LeadSheet:
        """The chorus; composed now, if nothing has begun it."""
        self.begin(order)
        return self._composed[order].result()

    def _compose(self, order: Order) -> LeadSheet:
        return self._composer.compose(np.random.default_rng([order.seed, order.number]))
